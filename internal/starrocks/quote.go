package starrocks

import (
	"strings"

	"starferry/internal/change"
)

// quoteName writes an identifier: always in back-quotes, since 161 words are
// reserved and every MySQL name is possible.
func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteTable(n change.Name) string { return quoteName(n.Database) + "." + quoteName(n.Table) }

func quoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return strings.Join(quoted, ", ")
}

// quoteText writes a string literal.
func quoteText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `""`).Replace(text) + `"`
}

// readableName writes an identifier for people: plain where it can be typed plain.
func readableName(name string) string {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return quoteName(name)
		}
	}
	if name == "" {
		return quoteName(name)
	}
	return name
}

func readableTable(n change.Name) string {
	return readableName(n.Database) + "." + readableName(n.Table)
}
