package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/diag"
	"starferry/internal/script"
)

// TestSQLPage compares docs/sql.md with the tables of statements and options.
func TestSQLPage(t *testing.T) {
	t.Parallel()
	comparePage(t, "../../docs/sql.md", sqlPage())
}

// TestExamplesMeanSomething: what the page shows is not refused for what it says.
func TestExamplesMeanSomething(t *testing.T) {
	t.Parallel()
	catalogs := "CREATE CATALOG mysql WITH ('type'='mysql', 'hostname'='h', 'username'='u'); CREATE CATALOG sr WITH ('type'='starrocks', 'endpoint'='fe:9030', 'load-url'='fe:8030', 'username'='u', 'dbname'='ods'); USE CATALOG sr;\n"
	for _, form := range script.Forms() {
		for _, example := range form.Examples {
			_, findings := compile(catalogs + example + ";")
			for _, f := range findings {
				if slices.Contains([]diag.Code{CodeExpression, CodeShape, CodePattern, CodeComesLater}, f.Code) {
					t.Errorf("%s: %s: %s", example, f.Code, f.Message)
				}
			}
		}
	}
}

const sqlIntroduction = `# SQL

All statements of a script. This page is made from the tables of the program, whose examples are
parsed by its tests: ` + "`go test ./internal/plan -update`" + ` writes it.

Statements end with a semicolon. Keywords may be written in any case. Names with other characters than letters, digits,
_ and $ stand between back-quotes, strings between single quotes; a quote in a string is written twice, and a backslash
is only a backslash: ` + "`'\\x01'`" + ` reaches StarRocks as these four characters. Comments are ` + "`-- to the end of the line`" + ` and
` + "`/* … */`" + `. A mistake is reported with its place, what is expected there and how to mend it, all mistakes at once:
` + "`starferry lint SCRIPT`" + `.

## Statements
`

const sqlVariables = `
## Variables and secrets

` + "`${name}`" + ` stands in any string, in any name, and in SET key = value. A name is of letters, digits, ` + "`_`, `.` and `-`" + `. A dollar
and a brace that are meant are written ` + "`$${`" + `. The value is put in when the text has been cut into words: whatever it is, it
ends no string and begins no statement, and messages point at the text as it is written.

| | ` + "`${name}`" + ` | ` + "`${secret_values.name}`" + ` |
|---|---|---|
| 1. | ` + "`--set name=value`" + `, as often as needed | the file ` + "`name`" + ` in the folder ` + "`--secrets-dir`" + ` (or ` + "`STARFERRY_SECRETS_DIR`, or systemd's `CREDENTIALS_DIRECTORY`" + `), without the line end behind its text |
| 2. | ` + "`STARFERRY_VAR_NAME`" + ` in the environment | ` + "`STARFERRY_SECRET_NAME`" + ` in the environment |

In the environment the name is in capitals, with ` + "`_` for `.` and `-`" + `. Every verb that takes a script takes them. A secret
cannot be given on the command line, where others can read it, and a file that everyone may open is a warning. Secrets are
never printed: options show ` + "`***`" + `, and whatever else would have the text of a secret of four bytes or more, a server's error for
example, has ` + "`***`" + ` in its place. A variable without a value is an error, but for ` + "`lint`" + `: there it is a warning, and what it
stands for is not checked.

## Where a first start begins

` + "`scan.startup.mode`" + ` in OPTIONS or in the mysql catalog says it, the same for all statements of a script. A deployment that
ran before goes on from its checkpoint, and says so. Target tables are created as the source tables are now. Without a copy
the target holds what changes from there on, and ` + "`verify`" + ` refuses to compare it until ` + "`resync`" + ` has copied it. Where rows change
without row events (docs/schema-changes.md), the rows that the target has are compared and mended, and no others come. Behind a
TRUNCATE nothing is missing any more.

A place in the past needs tables of which it is known what they were there: before anything is loaded, the binlog from there to
its end is read for statements that changed them. An index, a TRUNCATE or a comment does not matter. Columns that were added since,
and that are NULL in the rows there were, are taken away again for the rows before. A table that was created behind the place is
copied, which comes to the same. Any other statement is a refusal that names it. ` + "`explain --online`" + ` looks too. The binlog
knows whole seconds: ` + "`timestamp`" + ` begins with the first transaction of that second.
`

func sqlPage() string {
	var b strings.Builder
	b.WriteString(sqlIntroduction)
	for _, form := range script.Forms() {
		fmt.Fprintf(&b, "\n### %s\n\n```\n%s\n```\n\n%s\n\n```sql\n", form.Title, form.Syntax, form.Meaning)
		for _, example := range form.Examples {
			b.WriteString(example + ";\n")
		}
		b.WriteString("```\n")
	}
	b.WriteString(sqlVariables)
	b.WriteString("\n## Options\n\nThose that do something; [options](options.md) has their types and bounds, and those that are accepted without effect or refused.\n")
	for _, place := range []struct {
		title string
		where Scope
	}{{"OPTIONS, the source", InOptions}, {"WITH, the target", InWith}, {"CREATE CATALOG, 'type' = 'mysql'", InMySQLCatalog}, {"CREATE CATALOG, 'type' = 'starrocks'", InStarRocksCatalog}, {"SET", InSet}} {
		fmt.Fprintf(&b, "\n### %s\n\n| option | default | |\n|---|---|---|\n", place.title)
		options := slices.DeleteFunc(Options(), func(o Option) bool { return o.Where&place.where == 0 || o.Effect == NoEffect || o.Effect == Refused })
		slices.SortStableFunc(options, func(x, y Option) int { return cmp.Compare(x.Key, y.Key) })
		for _, o := range options {
			help, _, _ := strings.Cut(o.Help, ". ")
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(o.Key), code(o.Default), cell(strings.TrimSuffix(help, ".")))
		}
	}
	return b.String()
}
