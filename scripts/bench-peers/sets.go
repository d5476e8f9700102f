package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// set is a table: a key id, which counts from 1, and what all programs can carry. TIME and
// VARBINARY are left out, which Flink CDC's sink does not know, and fractions of seconds,
// which it cuts off.
type set struct {
	name    string
	columns string // of the source
	target  string // of StarRocks, for the program that creates no tables
	sum     string // a number that differs between states, in both dialects
	cells   string // what is compared of every row, in both dialects
	change  string // what an UPDATE of a row sets
	row     func(dst []byte, r *rand.Rand, id int) []byte
}

var oneRow = &set{
	name:    "single",
	columns: "id INT NOT NULL PRIMARY KEY, k INT NOT NULL",
	target:  "id INT NOT NULL, k INT NOT NULL",
	sum:     "SUM(k)", cells: "id, k", change: "k = k + 1",
	row: func(dst []byte, _ *rand.Rand, id int) []byte { return fmt.Appendf(dst, "(%d, 7)", id) },
}

var sets = []*set{
	{
		name:    "narrow", // sysbench's table
		columns: "id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL",
		target:  "id INT NOT NULL, k INT NOT NULL, c VARCHAR(480) NOT NULL, pad VARCHAR(240) NOT NULL",
		sum:     "SUM(k)", cells: "id, k, c, pad", change: "k = k + 1, c = REVERSE(c)",
		row: func(dst []byte, r *rand.Rand, id int) []byte {
			dst = fmt.Appendf(dst, "(%d, %d, '", id, 1+r.IntN(10_000_000))
			dst = append(appendGroups(dst, r, 10), "', '"...)
			return append(appendGroups(dst, r, 5), "')"...)
		},
	},
	{
		name: "mixed", // of all kinds, with some NULLs and a document
		columns: "id BIGINT NOT NULL PRIMARY KEY, small SMALLINT NOT NULL, qty INT NOT NULL, large BIGINT, price DECIMAL(12,2) NOT NULL, rate DECIMAL(20,8), " +
			"twice DOUBLE NOT NULL, day DATE NOT NULL, moment DATETIME NOT NULL, code CHAR(8) NOT NULL, name VARCHAR(64) NOT NULL, note VARCHAR(255), doc JSON",
		target: "id BIGINT NOT NULL, small SMALLINT NOT NULL, qty INT NOT NULL, large BIGINT, price DECIMAL(12,2) NOT NULL, rate DECIMAL(20,8), " +
			"twice DOUBLE NOT NULL, day DATE NOT NULL, moment DATETIME NOT NULL, code VARCHAR(32) NOT NULL, name VARCHAR(256) NOT NULL, note VARCHAR(1020), doc JSON",
		sum: "SUM(qty)",
		// Not the text of a document, which the servers may write anew.
		cells:  "id, small, qty, large, price, rate, CAST(twice AS DECIMAL(20,4)), day, moment, code, name, note, doc IS NULL",
		change: "qty = qty + 1, price = price + 1, name = REVERSE(name), doc = JSON_SET(doc, '$.visits', 7)",
		row:    appendMixed,
	},
}

// appendGroups appends n groups of eleven digits with hyphens between.
func appendGroups(dst []byte, r *rand.Rand, n int) []byte {
	for i := range n {
		if i > 0 {
			dst = append(dst, '-')
		}
		for range 11 {
			dst = append(dst, byte('0'+r.IntN(10)))
		}
	}
	return dst
}

var words = []string{"river", "stone", "amber", "quiet", "Straße", "čaj", "море", "夜空", "naïve", "copper", "ferry", "north", "lantern", "øy", "sail"}

func appendWords(dst []byte, r *rand.Rand, n int) []byte {
	for i := range n {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, words[r.IntN(len(words))]...)
	}
	return dst
}

func appendMixed(dst []byte, r *rand.Rand, id int) []byte {
	orNull := func(value string) string {
		if r.IntN(10) == 0 {
			return "NULL"
		}
		return value
	}
	dst = fmt.Appendf(dst, "(%d, %d, %d, %s, %d.%02d, %s, %d.5, '%d-%02d-%02d', '%d-%02d-%02d %02d:%02d:%02d', 'C%07d', '", id,
		r.IntN(30_000), r.Int32N(1<<30), orNull(strconv.FormatInt(r.Int64(), 10)), r.IntN(1_000_000), r.IntN(100),
		orNull(fmt.Sprintf("%d.%08d", r.IntN(1_000_000), r.IntN(100_000_000))), r.IntN(1_000_000),
		1980+r.IntN(50), 1+r.IntN(12), 1+r.IntN(28), 1980+r.IntN(50), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(10_000_000))
	dst = append(appendWords(dst, r, 1+r.IntN(4)), "', "...)
	dst = append(dst, orNull("'"+string(appendWords(nil, r, 2+r.IntN(10)))+"'")...)
	doc := fmt.Sprintf(`'{"id": %d, "title": "%s", "visits": %d, "open": true, "ways": ["%s", "%s"], "last": null}'`,
		id, appendWords(nil, r, 2), r.IntN(1000), appendWords(nil, r, 1), appendWords(nil, r, 1))
	return append(append(append(dst, ", "...), orNull(doc)...), ')')
}
