package deploy

import (
	"errors"
	"fmt"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/expression"
	"starferry/internal/ferry"
	"starferry/internal/plan"
)

// filter is the WHERE of a statement (ferry.Filter).
type filter struct{ condition *expression.Expression }

func filterOf(r plan.Route) ferry.Filter {
	if r.Shape.Where == nil {
		return nil
	}
	return &filter{r.Shape.Where}
}

func (f *filter) For(table *change.Table) (func(rows *change.Rows, row int) bool, error) {
	condition, err := f.condition.On(table)
	var wrong *expression.Error
	if errors.As(err, &wrong) {
		return nil, &diag.Problem{Code: codeFilter, Message: fmt.Sprintf("WHERE %s: %s", f.condition.Text, wrong.Message), Fix: wrong.Fix}
	}
	if err != nil {
		return nil, err
	}
	return condition.Keeps, nil
}

// checkFilter looks at a WHERE before anything is started.
func checkFilter(r plan.Route, table *change.Table) error {
	f := filterOf(r)
	if f == nil || table == nil {
		return nil
	}
	_, err := f.For(table)
	return err
}

// checkFilters looks at those of the routes of one target.
func checkFilters(routes []plan.Route, group []int, tables map[change.Name]*change.Table) error {
	for _, i := range group {
		if err := checkFilter(routes[i], tables[routes[i].Source]); err != nil {
			return err
		}
	}
	return nil
}
