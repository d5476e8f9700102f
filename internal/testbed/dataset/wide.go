package dataset

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// Wide is a table of 22 columns of all kinds, with text of many alphabets, some NULLs and
// a document of JSON.
var Wide = &Set{
	Name:  "wide",
	Width: 22,
	Columns: `id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, tiny TINYINT NOT NULL, small SMALLINT UNSIGNED, medium INT NOT NULL, large BIGINT UNSIGNED NOT NULL,
price DECIMAL(12,2) NOT NULL, rate DECIMAL(20,8), single FLOAT, twice DOUBLE NOT NULL, flag TINYINT(1) NOT NULL,
day DATE NOT NULL, moment DATETIME(6) NOT NULL, stamp TIMESTAMP(3) NULL, clock TIME NOT NULL, yr YEAR,
code CHAR(8) NOT NULL, name VARCHAR(64) NOT NULL, note VARCHAR(255), mood ENUM('calm','glad','cross','tired') NOT NULL, tags SET('a','b','c','d','e') NOT NULL,
bin VARBINARY(32) NOT NULL, doc JSON`,
	Change: "price = price + 1, moment = moment + INTERVAL 1 SECOND, name = REVERSE(name), doc = JSON_SET(doc, '$.visits', 1 + tiny)",
	load:   "(id, tiny, small, medium, large, price, rate, single, twice, flag, day, moment, stamp, clock, yr, code, name, note, mood, tags, @bin, doc) SET bin = UNHEX(@bin)",
	appendRow: func(dst []byte, r *random, id int) []byte {
		dst = appendWideNumbers(dst, r, id)
		dst = appendWideTimes(dst, r)
		dst = appendWideTexts(dst, r)
		dst = appendDocument(dst, r, id)
		return append(dst, '\n')
	},
}

// orNull appends NULL for one row in n, or what value appends.
func orNull(dst []byte, r *random, n uint64, value func([]byte) []byte) []byte {
	if r.below(n) == 0 {
		return append(dst, `\N`...)
	}
	return value(dst)
}

func appendWideNumbers(dst []byte, r *random, id int) []byte {
	dst = strconv.AppendInt(dst, int64(id), 10)
	dst = strconv.AppendInt(append(dst, '\t'), int64(r.below(256))-128, 10)
	dst = orNull(append(dst, '\t'), r, 10, func(dst []byte) []byte { return strconv.AppendUint(dst, r.below(65536), 10) })
	dst = strconv.AppendInt(append(dst, '\t'), int64(int32(r.next())), 10)
	dst = strconv.AppendUint(append(dst, '\t'), r.next(), 10)
	dst = appendDecimal(append(dst, '\t'), r, 1_000_000_000, 2)
	dst = orNull(append(dst, '\t'), r, 10, func(dst []byte) []byte { return appendDecimal(dst, r, 100_000_000, 8) })
	dst = orNull(append(dst, '\t'), r, 20, func(dst []byte) []byte { return appendDecimal(dst, r, 1_000, 4) })
	dst = appendDecimal(append(dst, '\t'), r, 1_000_000, 6)
	return append(dst, '\t', byte('0'+r.below(2)))
}

// appendDecimal appends a number below limit, of either sign, with digits behind the point.
func appendDecimal(dst []byte, r *random, limit uint64, digits int) []byte {
	if r.below(4) == 0 {
		dst = append(dst, '-')
	}
	dst = strconv.AppendUint(dst, r.below(limit), 10)
	power := uint64(1)
	for range digits {
		power *= 10
	}
	return appendDigits(append(dst, '.'), r.below(power), digits)
}

func appendWideTimes(dst []byte, r *random) []byte {
	date := func(dst []byte) []byte {
		dst = appendDigits(dst, 1980+r.below(50), 4)
		dst = appendDigits(append(dst, '-'), 1+r.below(12), 2)
		return appendDigits(append(dst, '-'), 1+r.below(28), 2)
	}
	clock := func(dst []byte) []byte {
		dst = appendDigits(dst, r.below(24), 2)
		dst = appendDigits(append(dst, ':'), r.below(60), 2)
		return appendDigits(append(dst, ':'), r.below(60), 2)
	}
	dst = date(append(dst, '\t'))
	dst = clock(append(date(append(dst, '\t')), ' '))
	dst = appendDigits(append(dst, '.'), r.below(1_000_000), 6)
	dst = orNull(append(dst, '\t'), r, 20, func(dst []byte) []byte {
		return appendDigits(append(clock(append(date(dst), ' ')), '.'), r.below(1000), 3)
	})
	dst = clock(append(dst, '\t'))
	return orNull(append(dst, '\t'), r, 20, func(dst []byte) []byte { return appendDigits(dst, 1980+r.below(50), 4) })
}

var (
	words = []string{"river", "stone", "amber", "quiet", "Straße", "čaj", "море", "夜空", "naïve", "copper", "ferry", "north", "lantern", "øy", "😀", "sail"}
	moods = []string{"calm", "glad", "cross", "tired"}
	tags  = []string{"", "a", "b", "a,c", "a,b,c", "d,e", "a,b,c,d,e", "c"}
)

// appendWords appends n words with blanks between.
func appendWords(dst []byte, r *random, n uint64) []byte {
	for i := range n {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, words[r.below(uint64(len(words)))]...)
	}
	return dst
}

func appendWideTexts(dst []byte, r *random) []byte {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	dst = append(dst, '\t')
	for range 8 {
		dst = append(dst, letters[r.below(uint64(len(letters)))])
	}
	dst = appendWords(append(dst, '\t'), r, 1+r.below(4))
	dst = orNull(append(dst, '\t'), r, 10, func(dst []byte) []byte { return appendWords(dst, r, 2+r.below(10)) })
	dst = append(append(dst, '\t'), moods[r.below(uint64(len(moods)))]...)
	dst = append(append(dst, '\t'), tags[r.below(uint64(len(tags)))]...)
	dst = append(dst, '\t')
	return hex.AppendEncode(dst, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.next()), r.next()))
}

func appendDocument(dst []byte, r *random, id int) []byte {
	return orNull(append(dst, '\t'), r, 20, func(dst []byte) []byte {
		dst = strconv.AppendInt(append(dst, `{"id": `...), int64(id), 10)
		dst = append(appendWords(append(dst, `, "title": "`...), r, 2), '"')
		dst = appendDecimal(append(dst, `, "score": `...), r, 100, 3)
		dst = strconv.AppendUint(append(dst, `, "visits": `...), r.below(1000), 10)
		dst = append(dst, `, "open": true, "ways": [`...)
		for i := range 1 + r.below(4) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(appendWords(append(dst, '"'), r, 1), '"')
		}
		return append(dst, `], "last": null}`...)
	})
}
