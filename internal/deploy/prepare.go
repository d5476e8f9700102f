package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// prepare checks the source and makes every target table ready. Tables that the
// checkpoint knows are only looked at: what became of their schema since is in the
// log, and the ferry will carry it over when it comes to it.
//
// broken are targets that the checkpoint knows and that cannot go on by themselves: the
// ferry stops them and goes on with the others. A table that is stopped is left alone.
// What only a pattern selects and cannot be followed is taken from the routes of p.
func prepare(ctx context.Context, p *plan.Plan, source *mysql.Servers, target *starrocks.Client, restored *checkpoint.Checkpoint, out *printer) (broken map[change.Name]error, err error) {
	var routes []plan.Route
	for _, r := range p.Routes {
		if ferry.Stopped(restored, r.Source, r.Target) != nil {
			target.Declare(tableSpec(r, nil)) // for a resync
			continue
		}
		routes = append(routes, r)
	}
	if err := diag.Join(checkServer(restored, source.Server()), source.Check(ctx, sources(routes))); err != nil {
		return nil, err
	}
	sayNotInScript(p, restored, out)
	sayKeptTypes(p, restored, out)
	var fresh, known []plan.Route
	for _, r := range routes {
		if isKnown(restored, r) {
			known = append(known, r)
		} else {
			fresh = append(fresh, r)
		}
	}
	var skipped leftOut
	tables, err := describe(ctx, source, fresh, &skipped)
	if err != nil {
		return nil, err
	}
	fresh = skipped.without(fresh)
	broken = map[change.Name]error{}
	var problems []error
	for i, done := range prepareAll(ctx, target, known, nil) {
		var alone *ferry.TableError
		if errors.As(done.err, &alone) {
			broken[known[i].Target] = alone.Cause
			continue
		}
		problems = append(problems, done.err)
	}
	prepared := prepareAll(ctx, target, fresh, tables)
	for i, done := range prepared {
		if slices.ContainsFunc(known, func(r plan.Route) bool { return r.Target == fresh[i].Target }) {
			prepared[i].Rows = 0 // of other shards
		}
		if !skipped.leave(fresh[i], done.err) {
			problems = append(problems, done.err)
		}
	}
	if err := diag.Join(problems...); err != nil {
		return nil, err
	}
	p.Routes = skipped.without(p.Routes)
	if len(p.Routes) == 0 {
		return nil, diag.Join(skipped.why...)
	}
	sayPrepared(fresh, prepared, out)
	if text := skipped.text(); text != "" {
		out.say("warning: " + text)
	}
	return broken, nil
}

// describe reads the schemas of the sources of routes.
func describe(ctx context.Context, source *mysql.Servers, routes []plan.Route, without *leftOut) (map[change.Name]*change.Table, error) {
	names := sources(routes)
	described, why, err := source.DescribeEach(ctx, names)
	if err != nil {
		return nil, err
	}
	tables := map[change.Name]*change.Table{}
	var problems []error
	for i, r := range routes {
		if !without.leave(r, why[i]) {
			problems = append(problems, why[i])
		}
		tables[r.Source] = described[i]
	}
	return tables, diag.Join(problems...)
}

// prepareAtATime is how many target tables are made ready at a time.
const prepareAtATime = 8

// readied is what became of a target table.
type readied struct {
	starrocks.Prepared
	err error
}

// prepareAll makes target tables ready; those of which tables has nothing are known to the
// checkpoint.
func prepareAll(ctx context.Context, target *starrocks.Client, routes []plan.Route, tables map[change.Name]*change.Table) []readied {
	done := make([]readied, len(routes))
	var all errgroup.Group
	all.SetLimit(prepareAtATime)
	for _, group := range sameTarget(routes) {
		all.Go(func() error {
			first := group[0]
			spec := tableSpec(routes[first], tables[routes[first].Source])
			for _, i := range group[1:] {
				if table := tables[routes[i].Source]; table != nil {
					spec.Shards = append(spec.Shards, table)
				}
			}
			if done[first].err = checkFilters(routes, group, tables); done[first].err == nil {
				done[first].Prepared, done[first].err = prepareTable(ctx, target, spec)
			}
			for _, i := range group[1:] {
				done[i].err = asFirst(done[first].err, routes[first])
			}
			return nil // each has its own
		})
	}
	_ = all.Wait()
	return done
}

// sameTarget groups routes, by their places: those of a merged target are made ready
// together.
func sameTarget(routes []plan.Route) (groups [][]int) {
	at := map[change.Name]int{}
	for i, r := range routes {
		if group, known := at[r.Target]; known && r.Merged {
			groups[group] = append(groups[group], i)
			continue
		}
		at[r.Target] = len(groups)
		groups = append(groups, []int{i})
	}
	return groups
}

// asFirst is the error of a table that is merged with another whose error says everything.
func asFirst(err error, first plan.Route) error {
	var alone *ferry.TableError
	p := diag.Find(err)
	if p == nil || errors.As(err, &alone) || diag.IsTransient(err) {
		return err
	}
	return &diag.Problem{Code: p.Code, Message: fmt.Sprintf("it is one of the tables merged into %s, see %s", first.Target, first.Source), Fix: "as said there."}
}

// prepareTable makes one target table ready; its source is nil when the checkpoint knows
// it.
func prepareTable(ctx context.Context, target *starrocks.Client, spec starrocks.TableSpec) (starrocks.Prepared, error) {
	target.Declare(spec)
	if spec.Source == nil {
		return starrocks.Prepared{}, target.Resume(ctx, spec.Target)
	}
	return target.Prepare(ctx, spec)
}

// saidEach is how many tables are told of one by one.
const saidEach = 20

// sayPrepared tells what was done with the target tables.
func sayPrepared(routes []plan.Route, prepared []readied, out *printer) {
	var created []string
	for i, done := range prepared {
		if done.err != nil {
			continue
		}
		for _, line := range preparedLines(routes[i], done.Prepared) {
			if done.Created && len(routes) > saidEach {
				continue // what is true of each of them
			}
			out.say(line)
		}
		if done.Created {
			created = append(created, routes[i].Target.String())
		}
	}
	if len(routes) > saidEach && len(created) > 0 {
		out.say(fmt.Sprintf("created %d StarRocks tables, from %s to %s", len(created), created[0], created[len(created)-1]))
	}
}

// preparedLines are what is worth saying about a target table that is ready.
func preparedLines(r plan.Route, prepared starrocks.Prepared) (lines []string) {
	if prepared.Created {
		lines = append(lines, fmt.Sprintf("created StarRocks table %s", r.Target))
	}
	for _, note := range prepared.Notes {
		lines = append(lines, fmt.Sprintf("%s: %s", r.Target, note))
	}
	if prepared.Rows > 0 {
		lines = append(lines, fmt.Sprintf("warning: %s already holds %d rows; they are kept, and rows that %s does not have stay there for good", r.Target, prepared.Rows, r.Source))
	}
	return lines
}
