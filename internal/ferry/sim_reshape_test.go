package ferry

import (
	"context"
	"errors"

	"starferry/internal/change"
)

// Reshape is not asked for: the simulated tables have the fixed policy.
func (t *simTarget) Reshape(context.Context, change.Name, *change.Table, []Reshape) ([]string, error) {
	return nil, errors.New("the simulated target is not reshaped")
}

// altered holds that a restart would begin behind the statement that brought the columns: rows
// of before know nothing of them, and would come again.
func (s *simulation) altered(target change.Name, columns []change.Column) {
	if s.delivery != AtLeastOnce || s.journal.last == nil {
		return
	}
	for i := range s.journal.last.Tables {
		t := &s.journal.last.Tables[i]
		if t.Target != target || t.Table == nil || s.source.into(t.Name) != t.Name {
			continue
		}
		for _, c := range columns {
			if t.Table.Index(c.Name) < 0 {
				s.target.violate("column %s is added to %s, and a restart would begin before the statement that brought it", c.Name, target)
			}
		}
	}
}
