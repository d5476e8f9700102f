package expression

import (
	"slices"
	"strings"
)

// Shape is how a target table differs from its source by the clauses of its statement.
type Shape struct {
	Computed []Computed
	// Key is that of PRIMARY KEY (…) NOT ENFORCED, nil for the source's.
	Key []string
	// Partition are the columns of PARTITIONED BY.
	Partition []string
	Comment   string
	// LeftOut are the source columns that the target does not have.
	LeftOut []string
	// Where chooses rows; nil takes all.
	Where *Expression
}

// Computed is a column that is computed inside the load.
type Computed struct {
	Name    string
	Value   *Expression
	Comment string
	First   bool
	After   string
}

// Leaves tells a source column that the target does not have.
func (s *Shape) Leaves(name string) bool { return has(s.LeftOut, name) }

// Computes is the computed column of that name, nil when there is none.
func (s *Shape) Computes(name string) *Computed {
	for i := range s.Computed {
		if strings.EqualFold(s.Computed[i].Name, name) {
			return &s.Computed[i]
		}
	}
	return nil
}

func has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
