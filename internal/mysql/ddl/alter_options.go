package ddl

import "strings"

// tableOptionWords are the options of a table that change neither columns nor
// rows. After each stands [=] value.
var tableOptionWords = words(`
	ENGINE TYPE AUTO_INCREMENT AVG_ROW_LENGTH CHECKSUM TABLE_CHECKSUM COMPRESSION CONNECTION
	DELAY_KEY_WRITE ENCRYPTION ENCRYPTED ENCRYPTION_KEY_ID ENGINE_ATTRIBUTE SECONDARY_ENGINE_ATTRIBUTE
	SECONDARY_ENGINE IETF_QUOTES INSERT_METHOD KEY_BLOCK_SIZE MAX_ROWS MIN_ROWS PACK_KEYS PAGE_CHECKSUM
	PAGE_COMPRESSED PAGE_COMPRESSION_LEVEL PASSWORD ROW_FORMAT SEQUENCE STATS_AUTO_RECALC STATS_PERSISTENT
	STATS_SAMPLE_PAGES TABLESPACE TRANSACTIONAL UNION AUTOEXTEND_SIZE START_TRANSACTION ALGORITHM LOCK
	NODEGROUP`)

// partitionWords start a clause on the partitions of a table.
var partitionWords = words(`
	PARTITION PARTITIONS REMOVE DROP TRUNCATE COALESCE REORGANIZE EXCHANGE ANALYZE CHECK OPTIMIZE REBUILD
	REPAIR UPGRADE DISCARD IMPORT CONVERT`)

func words(list string) map[string]bool {
	set := make(map[string]bool)
	c := newCursor(list, &Session{})
	for !c.done() {
		set[c.next().upper] = true
	}
	return set
}

// partitionClause takes clauses on partitions and tablespaces; taken is false
// when none comes next. No other clause can follow one of them.
func (c *cursor) partitionClause(a *AlterTable) (taken bool, reason string) {
	first := c.peek(0)
	if first.kind != word || !partitionWords[first.upper] {
		return false, ""
	}
	second := c.peek(1).upper
	switch {
	case c.is("PARTITION", "BY"), c.is("REMOVE", "PARTITIONING"), c.is("UPGRADE", "PARTITIONING"):
	case c.is("DISCARD", "TABLESPACE"), c.is("IMPORT", "TABLESPACE"):
		a.RowsGone = first.upper + " TABLESPACE"
	case first.upper == "CONVERT" && (second == "PARTITION" || second == "TABLE"):
		return true, c.convertPartition(a)
	case second != "PARTITION":
		return false, ""
	case first.upper == "EXCHANGE":
		return true, c.exchangePartition(a)
	case first.upper == "TRUNCATE" || first.upper == "DISCARD" || first.upper == "IMPORT" || first.upper == "REPAIR":
		a.RowsGone = first.upper + " PARTITION"
	}
	c.skipClause()
	return true, ""
}

// exchangePartition takes EXCHANGE PARTITION p WITH TABLE t.
func (c *cursor) exchangePartition(a *AlterTable) string {
	a.RowsGone = "EXCHANGE PARTITION"
	c.at += 2
	if _, ok := c.name(); !ok || !c.accept("WITH", "TABLE") {
		return "the exchanged table cannot be read"
	}
	other, ok := c.tableName()
	if !ok {
		return "the exchanged table cannot be read"
	}
	a.Exchanged = &other
	if c.acceptAny("WITH", "WITHOUT") != "" {
		c.accept("VALIDATION")
	}
	return ""
}

// convertPartition takes MariaDB's CONVERT PARTITION p TO TABLE t and CONVERT
// TABLE t TO PARTITION p ….
func (c *cursor) convertPartition(a *AlterTable) string {
	c.next()
	if c.accept("TABLE") {
		a.RowsGone = "CONVERT TABLE"
		other, ok := c.tableName()
		if !ok {
			return "the converted table cannot be read"
		}
		a.Exchanged = &other
		c.skipClause()
		return ""
	}
	a.RowsGone = "CONVERT PARTITION"
	c.next()
	if _, ok := c.name(); !ok || !c.accept("TO", "TABLE") {
		return "the table of the partition cannot be read"
	}
	other, ok := c.tableName()
	if !ok {
		return "the table of the partition cannot be read"
	}
	a.Exchanged = &other
	return ""
}

// optionClause takes the options and the clauses that say how the ALTER is done.
func (c *cursor) optionClause(a *AlterTable) string {
	switch {
	case c.accept("FORCE"), c.accept("DISABLE", "KEYS"), c.accept("ENABLE", "KEYS"), c.accept("WITH", "VALIDATION"), c.accept("WITHOUT", "VALIDATION"):
		return ""
	case c.accept("NOWAIT"), c.accept("SECONDARY_LOAD"), c.accept("SECONDARY_UNLOAD"), c.accept("START", "TRANSACTION"):
		return ""
	case c.accept("DATA", "DIRECTORY"), c.accept("INDEX", "DIRECTORY"):
		c.optionValue()
		return ""
	case c.accept("DEFAULT"): // of DEFAULT ENCRYPTION
		return c.optionClause(a)
	}
	option := c.peek(0)
	switch {
	case option.kind == word && tableOptionWords[option.upper]:
		c.next()
		value := c.optionValue()
		if option.upper == "ENGINE" && value == "BLACKHOLE" {
			a.RowsGone = "ENGINE=BLACKHOLE"
		}
		return ""
	case c.session.MariaDB && isNameToken(option) && c.peek(1).kind == mark && c.peek(1).text == "=":
		c.next() // an option of a storage engine
		c.optionValue()
		return ""
	}
	return "a clause that is not known"
}

// optionValue takes [=] value, the value in parentheses or a sign before it allowed.
func (c *cursor) optionValue() string {
	c.accept("=")
	if c.parentheses() {
		return ""
	}
	c.acceptAny("-", "+")
	if t := c.peek(0); t.kind == mark {
		return ""
	}
	value := c.next()
	if value.upper == "" {
		return strings.ToUpper(value.text)
	}
	return value.upper
}
