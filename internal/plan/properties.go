package plan

import (
	"regexp"
	"strings"
)

var (
	literals     = regexp.MustCompile("(?s)'(?:[^'\\\\]|\\\\.)*'|\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`|--[^\n]*|/\\*.*?\\*/")
	buckets      = regexp.MustCompile(`(?i)\bbuckets\s*=?\s*\d+`)
	primaryKey   = regexp.MustCompile(`(?i)\bprimary\s+key\s*\(`)
	otherKey     = regexp.MustCompile(`(?i)\b(duplicate|aggregate|unique)\s+key\b`)
	partitionBy  = regexp.MustCompile(`(?i)\bpartition\s+by\b`)
	tableComment = regexp.MustCompile(`(?i)\bcomment\b`)
	madeBySimple = regexp.MustCompile(`(?i)\b(engine\s*=|primary\s+key|duplicate\s+key|aggregate\s+key|unique\s+key|distributed\s+by|partition\s+by|order\s+by)`)
)

// checkProperties judges starrocks.create.table.properties by the mode. StarRocks
// would make a table without a primary key, which cannot take updates and deletes,
// from a text that names none.
func (c *compiler) checkProperties(b *bound, mode CreateMode) {
	text := literals.ReplaceAllString(strings.TrimRight(b.value, "; \t\r\n"), " ")
	at := b.text.Value.At
	switch {
	case strings.Contains(text, ";"):
		c.error(CodeProperties, at, "the properties of a table hold no semicolon", "remove it and what stands behind it.")
	case mode == Simple && madeBySimple.MatchString(text):
		c.error(CodeProperties, at, "simple mode makes engine, key and distribution itself, and no partitions",
			"leave only 'buckets 8', or remove 'starrocks.create.table.mode' to write them all.")
	case mode == Simple && !buckets.MatchString(text):
		c.error(CodeProperties, at, "simple mode needs the number of buckets", "write 'buckets 8'.")
	case mode == Normal && otherKey.MatchString(text):
		c.error(CodeProperties, at, "updates and deletes need a primary key table", "write primary key(…) instead.")
	case mode == Normal && !primaryKey.MatchString(text):
		c.error(CodeProperties, at, "normal mode needs a primary key in the properties",
			"write 'engine = olap primary key(id) distributed by hash(id) buckets 8', or add 'starrocks.create.table.mode' = 'simple'.")
	}
}
