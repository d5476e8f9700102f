package plan

import (
	"slices"

	"starferry/internal/diag"
	"starferry/internal/script"
)

// later refuses what is understood but not run by this version.
func (c *compiler) later(at diag.Span, what, instead string) {
	c.error(CodeComesLater, at, what+" comes later: this version does not run it yet", instead)
}

// isSet tells a name without a variable that has no value; a finding says of one that has.
func isSet(path script.Path) bool {
	return !slices.ContainsFunc(path.Parts, func(part script.Ident) bool { return part.Unset })
}
