package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/ferry"
	"starferry/internal/mysql"
	"starferry/internal/plan"
)

// unloggedCascades says which foreign keys change rows of followed tables that the
// source's log does not have, and returns those whose children are to be mended.
func unloggedCascades(ctx context.Context, p *plan.Plan, source *mysql.Servers, out *printer) ([]ferry.Cascade, error) {
	tables := sources(p.Routes)
	cascades, err := source.Cascades(ctx, tables)
	if err != nil {
		return nil, err
	}
	for _, c := range cascades {
		out.say("warning: " + cascadeMeaning(c, tables, p.Settings.MendCascades))
	}
	if !p.Settings.MendCascades {
		return nil, nil
	}
	return cascades, nil
}

// cascadeMeaning is one sentence on a foreign key.
func cascadeMeaning(c ferry.Cascade, tables []change.Name, mend bool) string {
	text := fmt.Sprintf("a foreign key changes rows of %s when %s (%s) changes, and the source does not log them", c.Child, c.Parent, strings.Join(c.Columns, ", "))
	switch {
	case !mend:
		return text + ": SET 'fk.cascade' = 'repair' has them compared and mended, or run 'starferry verify SCRIPT --repair' now and then"
	case !slices.Contains(tables, c.Parent):
		return text + fmt.Sprintf("; %s is not in the script, so that its changes are not seen: add it, or run 'starferry verify SCRIPT --repair' now and then", c.Parent)
	}
	return text + ": they are compared and mended when it does"
}
