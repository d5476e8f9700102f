package ddl

import (
	"fmt"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Codes of the findings of this package.
const (
	// CodeUnsupported: a statement touches the columns of a table in a way that is not handled.
	CodeUnsupported diag.Code = "SF3401"
	// CodeUnreadable: a statement on tables cannot be read at all.
	CodeUnreadable diag.Code = "SF3402"
	// CodeOutOfStep: a statement does not fit the schema it is applied to.
	CodeOutOfStep diag.Code = "SF3403"
	// CodeType: the text of a column type is not known.
	CodeType diag.Code = "SF3404"
)

// Unsupported says that a statement on Table cannot be followed because of Clause.
type Unsupported struct {
	Code   diag.Code
	Table  change.Name
	Clause string // the clause as written, shortened
	Reason string
}

func (u *Unsupported) Error() string {
	text := fmt.Sprintf("table %s: cannot follow the clause %q", u.Table, u.Clause)
	if u.Reason != "" {
		text += ": " + u.Reason
	}
	return text
}

// Unwrap gives the same as a Problem, with its code and remedy.
func (u *Unsupported) Unwrap() error {
	return &diag.Problem{
		Code: u.Code, Class: diag.Refused, Message: u.Error(),
		Fix: fmt.Sprintf("copy table %s anew, so that it starts with its present columns.", u.Table),
	}
}

func unreadable(text, reason string) error {
	return &diag.Problem{
		Code: CodeUnreadable, Class: diag.Refused,
		Message: fmt.Sprintf("cannot read the statement %q: %s", shorten(text), reason),
		Fix:     "copy the tables it names anew, and report the statement.",
	}
}

// shorten keeps the first 200 bytes of a text, cut between characters.
func shorten(text string) string {
	const limit = 200
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}

func unknownType(columnType string) error {
	return &diag.Problem{
		Code: CodeType, Class: diag.Refused,
		Message: fmt.Sprintf("the column type %q is not known", shorten(columnType)),
		Fix:     "leave the table out, or change the column's type.",
	}
}
