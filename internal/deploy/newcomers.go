package deploy

import (
	"context"
	"fmt"
	"sync"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// newcomers are the tables that come while the deployment runs and that a selection has.
type newcomers struct {
	plan   *plan.Plan
	source *mysql.Servers
	target *starrocks.Client
	out    *printer
	fold   bool

	mutex sync.Mutex
	ready bool // what is followed from the start is known
	// followed are the source tables that have routes, targets what each target is filled from.
	followed map[change.Name]bool
	targets  map[change.Name]change.Name
	// created are the targets that were created for tables that are not followed yet.
	created map[change.Name]bool
	// merged are the targets that several tables may fill.
	merged map[change.Name]bool
}

func newNewcomers(p *plan.Plan, out *printer) *newcomers {
	return &newcomers{plan: p, out: out, followed: map[change.Name]bool{}, targets: map[change.Name]change.Name{}, created: map[change.Name]bool{}, merged: map[change.Name]bool{}}
}

// asked tells that there may be any.
func (n *newcomers) asked() bool { return n.plan.Settings.FollowNew && len(n.plan.Selections) > 0 }

// begin takes what is followed from the start.
func (n *newcomers) begin(routes []plan.Route, source *mysql.Servers, target *starrocks.Client) {
	n.mutex.Lock()
	n.source, n.target, n.fold, n.ready = source, target, source.Server().FoldsNames, true
	n.mutex.Unlock()
	n.take(routes)
}

// wants tells whether a table is followed when it comes.
func (n *newcomers) wants(name change.Name) bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.ready && n.asked() && !n.followed[name] && len(n.routesOf(name)) > 0
}

// routesOf are the routes of a table, but for those that come later.
func (n *newcomers) routesOf(name change.Name) (routes []plan.Route) {
	return n.plan.RoutesOf(name, n.fold)
}

// admit makes the targets of a table ready that has come.
func (n *newcomers) admit(ctx context.Context, table *change.Table) (admission ferry.Admission, err error) {
	n.mutex.Lock()
	routes := n.routesOf(table.Name)
	err = n.free(routes)
	n.mutex.Unlock()
	if err != nil {
		return admission, err
	}
	if err := configure(n.target, routes); err != nil {
		return admission, err
	}
	var lines []string
	for _, r := range routes {
		said, err := n.prepare(ctx, r, table)
		if err != nil {
			return admission, err
		}
		lines = append(lines, said...)
		admission.Routes = append(admission.Routes, routeOf(n.plan, r))
	}
	one := *n.plan
	one.Routes = routes
	if admission.Cascades, err = unloggedCascades(ctx, &one, n.source, n.out); err != nil {
		return admission, err
	}
	for _, line := range lines {
		n.out.say(line)
	}
	admission.Taken = func() { n.take(routes) }
	return admission, nil
}

// take notes what is followed from now on.
func (n *newcomers) take(routes []plan.Route) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, r := range routes {
		n.followed[r.Source], n.targets[r.Target], n.merged[r.Target] = true, r.Source, r.Merged
	}
}

// free tells that nothing else fills the targets, and that there is room for them.
func (n *newcomers) free(routes []plan.Route) error {
	for _, r := range routes {
		if from, taken := n.targets[r.Target]; taken && from != r.Source && !(r.Merged && n.merged[r.Target]) {
			return &diag.Problem{Code: codeTargetTaken, Message: fmt.Sprintf("its target %s is filled from %s already", r.Target, from),
				Fix: fmt.Sprintf("leave it out: EXCLUDING TABLE '%s'; or send it into another database.", r.Source.Table)}
		}
	}
	return n.plan.FitsInside(n.targets, routes)
}

// prepare makes a target ready. One that was created for the table as it was a moment ago,
// and that nothing was loaded into, is made anew.
func (n *newcomers) prepare(ctx context.Context, r plan.Route, table *change.Table) (lines []string, err error) {
	n.mutex.Lock()
	again, shared := n.created[r.Target] && !r.Merged, n.merged[r.Target]
	n.mutex.Unlock()
	if again {
		if err := n.target.Drop(ctx, r.Target); diag.IsTransient(err) {
			return nil, err
		} // where it may not be dropped it is held against what it should be
	}
	if err := checkFilter(r, table); err != nil {
		return nil, err
	}
	prepared, err := prepareTable(ctx, n.target, tableSpec(r, table))
	if err != nil {
		return nil, err
	}
	if shared {
		prepared.Rows = 0 // of other shards
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.created[r.Target] = prepared.Created
	return preparedLines(r, prepared), nil
}
