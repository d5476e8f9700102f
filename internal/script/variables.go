package script

import (
	"fmt"
	"regexp"
	"strings"

	"starferry/internal/diag"
)

// A variable ${name} stands in a literal or a name. It is replaced in the tokens, when the
// text has been cut: whatever its value is, it ends no literal and begins no keyword, and
// every position stays that of the text as written.

// Values knows what the variables of a script stand for.
type Values interface {
	// Value is that of ${name}; "" and false when nobody gave one. An error says why one
	// that was given cannot be read.
	Value(name string) (value string, given bool, err error)
	// Names are the variables that were given, for "did you mean".
	Names() []string
	// How says how ${name} is given, for "To fix:".
	How(name string) string
	// Needed is false when a script is only checked: a variable without a value is then a
	// warning, and what it is the value of is not checked.
	Needed() bool
}

// secretPrefix begins the names of variables that are never shown.
const secretPrefix = "secret_values."

// IsSecret tells whether the value of a variable is never shown.
func IsSecret(name string) bool { return strings.HasPrefix(name, secretPrefix) }

// SecretName is the name of a secret without what says that it is one.
func SecretName(name string) string { return strings.TrimPrefix(name, secretPrefix) }

const variableName = `[A-Za-z_][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*`

var (
	variableText  = regexp.MustCompile(`^\$\{(` + variableName + `)\}`)
	variableAlone = regexp.MustCompile(`^` + variableName + `$`)
)

// IsVariable tells whether a variable can have that name.
func IsVariable(name string) bool { return variableAlone.MatchString(name) }

// variables replaces the variables of a script.
type variables struct {
	*parser
	values  Values
	secrets []diag.Secret
	said    map[string]bool
}

func (p *parser) replaceVariables(values Values) []diag.Secret {
	v := &variables{parser: p, values: values, said: map[string]bool{}}
	for i := range p.tokens {
		if t := &p.tokens[i]; (t.kind == str || t.kind == quoted || t.kind == word) && strings.Contains(t.text, "${") {
			v.replace(t)
		}
	}
	return v.secrets
}

// replace gives a token its value. A word becomes a name: no keyword comes out of a
// variable.
func (v *variables) replace(t *token) {
	var text strings.Builder
	at := t.at.Start // where the text as written was read to
	for rest := t.text; rest != ""; {
		i := strings.Index(rest, "${")
		if i < 0 {
			text.WriteString(rest)
			break
		}
		at += strings.Index(v.file.Text[at:t.at.End], "${")
		if i > 0 && rest[i-1] == '$' { // $${ is written for ${
			text.WriteString(rest[:i-1] + "${")
			rest, at = rest[i+2:], at+2
			continue
		}
		text.WriteString(rest[:i])
		found := variableText.FindStringSubmatch(rest[i:])
		if found == nil {
			v.malformed(t, diag.Span{Start: at, End: min(at+2, t.at.End)})
			return
		}
		text.WriteString(v.value(t, found[1], diag.Span{Start: at, End: at + len(found[0])}))
		rest, at = rest[i+len(found[0]):], at+len(found[0])
	}
	t.text, t.replaced = text.String(), true
	if t.kind == word {
		t.kind = quoted
	}
}

func (v *variables) malformed(t *token, at diag.Span) {
	t.unset = true
	v.report(CodeVariable, at, "a variable begins here that has no name or no end", "",
		"write ${name}, of letters, digits, _, . and -; a dollar and a brace that are meant are written $${.")
}

// value is what a variable of a token stands for.
func (v *variables) value(t *token, name string, at diag.Span) string {
	secret := IsSecret(name)
	t.secret = t.secret || secret
	value, given, err := v.values.Value(name)
	if given && err == nil {
		if secret {
			v.secrets = append(v.secrets, diag.NewSecret(value))
		}
		return value
	}
	t.unset = true
	if err != nil {
		v.report(CodeVariable, at, fmt.Sprintf("the value of ${%s} cannot be read: %v", name, err), "", v.values.How(name))
		return ""
	}
	if v.said[name] {
		return ""
	}
	v.said[name] = true
	f := diag.Finding{
		Code: CodeVariable, Severity: diag.Error, Message: fmt.Sprintf("nobody gave a value for ${%s}", name),
		Fix: v.values.How(name), File: v.file, Span: at,
	}
	if near := diag.Nearest(name, v.values.Names()); near != "" {
		f.Label = "did you mean ${" + near + "}?"
	}
	if !v.values.Needed() {
		f.Severity, f.Message = diag.Warning, f.Message+": what it stands for is not checked"
	}
	v.findings = append(v.findings, f)
	return ""
}

// noValues is what a script has that is read without any.
type noValues struct{}

func (noValues) Value(string) (string, bool, error) { return "", false, nil }
func (noValues) Names() []string                    { return nil }
func (noValues) Needed() bool                       { return true }
func (noValues) How(string) string {
	return "write its value. A dollar before a brace is written $${."
}

// written is the text of a span with the values of its variables: in literals again
// between quotes if quotes is set, which no value can end.
func (p *parser) written(at diag.Span, quotes bool) (text string, secret, unset bool) {
	var b strings.Builder
	end := at.Start
	for i := range p.tokens {
		t := &p.tokens[i]
		if t.at.Start < at.Start || t.at.End > at.End || !t.replaced && !t.unset {
			continue
		}
		b.WriteString(p.file.Text[end:t.at.Start])
		b.WriteString(t.quotedAgain(quotes))
		end = t.at.End
		secret, unset = secret || t.secret, unset || t.unset
	}
	b.WriteString(p.file.Text[end:at.End])
	return b.String(), secret, unset
}

func (t *token) quotedAgain(quotes bool) string {
	switch {
	case !quotes:
		return t.text
	case t.kind == str:
		return "'" + strings.ReplaceAll(t.text, "'", "''") + "'"
	}
	return "`" + strings.ReplaceAll(t.text, "`", "``") + "`"
}
