package cells

import (
	"fmt"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Supported refuses columns whose values are not carried yet, and key columns that
// cannot be compared exactly on both sides, with a *diag.Problem.
func Supported(c *change.Column, key bool) error {
	t := &c.Type
	switch t.Base {
	case change.Unknown:
		return unsupported(c, fmt.Sprintf("column `%s` has type %s, which is not carried yet", c.Name, t))
	case change.Float, change.Double, change.JSON, change.Geometry, change.Vector:
		if key {
			return &diag.Problem{
				Code: CodeUnusableKey, Class: diag.Refused,
				Message: fmt.Sprintf("key column `%s` has type %s, whose values cannot be compared exactly", c.Name, t),
				Fix:     "give the table a key of integers, DECIMAL, text or dates",
			}
		}
	}
	if t.IsText() && encodings[t.Charset] == nil {
		return unsupported(c, fmt.Sprintf("column `%s` has charset %q, which is not carried yet", c.Name, t.Charset))
	}
	return nil
}

func unsupported(c *change.Column, message string) error {
	return &diag.Problem{
		Code: CodeUnsupportedType, Class: diag.Refused, Message: message,
		Fix: fmt.Sprintf("leave the table out, or change column `%s` to a type and charset that is carried (for text: utf8mb4)", c.Name),
	}
}
