package expression

import (
	"strconv"
	"strings"
)

// SQL is the expression in the dialect of StarRocks. In a load the columns it reads are
// texts, so that each is cast to its type: a number beside a text would become a DOUBLE.
func (t *Typed) SQL() string { return t.root.sql() }

func (n *node) sql() string {
	args := make([]string, len(n.args))
	for i, a := range n.args {
		args[i] = a.sql()
	}
	not := ""
	if n.not {
		not = "NOT "
	}
	switch n.form {
	case column:
		return "CAST(" + quoteName(n.text) + " AS " + castable(n.typ) + ")"
	case literal:
		return quoteText(n.text)
	case numeral, truth:
		return n.text
	case null:
		return "NULL"
	case call:
		if n.function.write != nil {
			return n.function.write(args, n.args)
		}
		return n.function.Name + "(" + strings.Join(args, ", ") + ")"
	case cast:
		if limit := n.limit(); limit > 0 {
			return "SUBSTRING(CAST(" + args[0] + " AS VARCHAR(65533)), 1, " + strconv.Itoa(limit) + ")"
		}
		return "CAST(" + args[0] + " AS " + castable(n.to) + ")"
	case caseWhen:
		return printCase(args)
	case in:
		return "(" + args[0] + " " + not + "IN (" + strings.Join(args[1:], ", ") + "))"
	case between:
		return "(" + args[0] + " " + not + "BETWEEN " + args[1] + " AND " + args[2] + ")"
	case like:
		return "(" + args[0] + " " + not + "LIKE " + quoteText(n.text) + ")"
	case isNull:
		return "(" + args[0] + " IS " + not + "NULL)"
	}
	switch {
	case n.text == "||":
		return "CONCAT(" + strings.Join(args, ", ") + ")"
	case len(args) == 1:
		return "(" + n.text + " " + args[0] + ")"
	case n.text == "/":
		return "(CAST(" + args[0] + " AS DOUBLE) / CAST(" + args[1] + " AS DOUBLE))"
	}
	return "(" + args[0] + " " + n.text + " " + args[1] + ")"
}

// castable is a type as a CAST takes it. A text is not cut by its length.
func castable(t Type) string {
	if t.Family == Text {
		return "VARCHAR(65533)"
	}
	return t.SQL
}

func printCase(args []string) string {
	var b strings.Builder
	b.WriteString("CASE")
	for i := 0; i+1 < len(args); i += 2 {
		b.WriteString(" WHEN " + args[i] + " THEN " + args[i+1])
	}
	if len(args)%2 == 1 {
		b.WriteString(" ELSE " + args[len(args)-1])
	}
	return b.String() + " END"
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quoteText writes a text. A header of a load is one line, so that what ends one is
// written as an escape.
func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
}
