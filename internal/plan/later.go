package plan

import (
	"strings"

	"starferry/internal/diag"
	"starferry/internal/script"
)

// later refuses what is understood but not run by this version.
func (c *compiler) later(at diag.Span, what, instead string) {
	c.error(CodeComesLater, at, what+" comes later: this version does not run it yet", instead)
}

// refuseVariables refuses variables in a name; false when it did.
func (c *compiler) refuseVariables(path script.Path) bool {
	for _, part := range path.Parts {
		if strings.Contains(part.Name, "${") {
			c.refuseVariable(part.At)
			return false
		}
	}
	return true
}

func (c *compiler) refuseVariable(at diag.Span) {
	c.later(at, "a variable "+c.file.Text[at.Start:at.End], "write its value. A dollar before a brace is written $${.")
}

// variableIn finds ${name} in a literal; $${ is a dollar and a brace.
func variableIn(file *diag.File, at diag.Span) (diag.Span, bool) {
	text := file.Text[at.Start:at.End]
	for i := 0; i+1 < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "$${"):
			i += 2
		case strings.HasPrefix(text[i:], "${"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				end = len(text) - i - 1
			}
			return diag.Span{Start: at.Start + i, End: at.Start + i + end + 1}, true
		}
	}
	return diag.Span{}, false
}
