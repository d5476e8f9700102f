package plan

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"starferry/internal/diag"
)

// Pattern is a regular expression that a whole name must match. A name that is written
// out matches itself too, whatever it means as an expression: a$b.
type Pattern struct {
	Text          string
	At            diag.Span
	exact, folded *regexp.Regexp
}

// meta are the characters that make a back-quoted name a pattern.
const meta = `[](){}*+?|\^`

func newPattern(text string, at diag.Span) (Pattern, error) {
	p := Pattern{Text: text, At: at}
	if _, err := regexp.Compile(text); err != nil { // so that errors speak of the text as written
		return p, err
	}
	var err error
	if p.exact, err = regexp.Compile(`(?s)\A(?:` + text + `)\z`); err == nil {
		p.folded, err = regexp.Compile(`(?is)\A(?:` + text + `)\z`)
	}
	return p, err
}

// literal is the pattern of one name.
func literal(name string, at diag.Span) Pattern {
	p, _ := newPattern(regexp.QuoteMeta(name), at) // a quoted name is always an expression
	p.Text = name
	return p
}

// Match tells whether a name matches; fold: whatever the case of its letters is.
func (p Pattern) Match(name string, fold bool) bool {
	if p.Names(name, fold) {
		return true
	}
	if fold {
		return p.folded.MatchString(name)
	}
	return p.exact.MatchString(name)
}

// Names tells whether a name is written out.
func (p Pattern) Names(name string, fold bool) bool {
	return p.Text == name || fold && strings.EqualFold(p.Text, name)
}

// IsName tells that the pattern is a name, not an expression.
func (p Pattern) IsName() bool { return !strings.ContainsAny(p.Text, meta+".$") }

// pattern reads a pattern of a statement; a finding says what is wrong with it.
func (c *compiler) pattern(text string, at diag.Span) (Pattern, bool) {
	p, err := newPattern(text, at)
	switch {
	case text == "":
		c.error(CodePattern, at, "an empty pattern matches no table", "write a name, or a regular expression: 'order_.*'.")
		return p, false
	case err != nil:
		why, fix := whyNot(text, err)
		c.error(CodePattern, at, fmt.Sprintf("'%s' is not a regular expression: %s", text, why), fix)
		return p, false
	}
	return p, true
}

// whyNot says what a person can do about a pattern: those of Java have more.
func whyNot(text string, err error) (why, fix string) {
	fix = "regular expressions are those of RE2; a dot stands for any character, \\. for a dot."
	var broken *syntax.Error
	if !errors.As(err, &broken) {
		return err.Error(), fix
	}
	switch broken.Code {
	case syntax.ErrInvalidPerlOp:
		return fmt.Sprintf("'%s' looks ahead or behind, which is not supported", broken.Expr), "leave tables out with EXCLUDING TABLE."
	case syntax.ErrMissingRepeatArgument:
		if guess := likeShell(text); guess != "" {
			fix = "write '" + guess + "': a dot stands for any character, and * for any number of what is before it."
		}
		return fmt.Sprintf("nothing stands before the '%s' to be repeated", broken.Expr), fix
	}
	return fmt.Sprintf("%s at '%s'", broken.Code, broken.Expr), fix
}

// shellStar is a * that was meant as a shell means it: behind a letter, or nothing.
var shellStar = regexp.MustCompile(`(^|[\w$-])\*`)

// likeShell is the regular expression that was meant by who writes a * as a shell takes it;
// "" when there is none.
func likeShell(text string) string {
	meant := shellStar.ReplaceAllString(text, "${1}.*")
	if _, err := regexp.Compile(meant); err != nil || meant == text {
		return ""
	}
	return meant
}
