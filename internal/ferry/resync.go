package ferry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// A resync copies a table anew into a shadow beside its target, and then swaps the two:
// upserts never remove what should not be there, and readers never see a gap. Where a second
// table cannot be had, the target is emptied instead (wipe.go); a shard of a merged target is
// copied anew where it is (renew.go). All three are kept here, as phases.
//
// Invariant: from the place of the log where the shadow begins, every row of the source
// goes to both tables; the shadow's copy is a copy like any other (weave.go). The swap
// happens between two source transactions, when everything the loop took is visible in
// both, and the stream has passed what an earlier one may have made visible: the table
// that readers see never goes back. A shadow is known by its identity,
// which goes with it through the swap, so that after a crash nobody has to guess whether
// it had happened: swapping twice would bring the old rows back.
type resync struct {
	table, shadow *table
	identity      string
	phase         resyncPhase
	busy          bool
	tries         int
	again         time.Time
	jobs          []*Job
	epoch         uint64        // of a wipe: what was begun in it or before must be visible
	schema        *change.Table // of the source, as last held against the shadow's
	abandoned     bool          // also when another table takes the name meanwhile
}

type resyncPhase uint8

const (
	shadowMissing resyncPhase = iota
	shadowCreated
	shadowFilling
	shadowSwapping
	wipeAsked
	wipeNoted // in a checkpoint to come
	wiping
	wiped
	wipeCopied
	renewAsked // see renew.go
	renewing
)

// shadowName is the shadow beside a target.
func shadowName(target change.Name) change.Name {
	return change.Name{Database: target.Database, Table: target.Table + "__resync"}
}

// beginResync begins to copy a table anew.
func (l *loop) beginResync(t *table, j *Job) {
	l.resyncs = append(l.resyncs, &resync{table: t, jobs: []*Job{j}})
	l.notify(Info, t.route.Source, fmt.Sprintf("resync: copied anew into %s, which then takes the place of %s", shadowName(t.route.Target), t.route.Target))
}

// advanceResyncs does what the resyncs under way allow now.
func (l *loop) advanceResyncs() {
	if len(l.resyncs) == 0 || l.stopping {
		return
	}
	for _, r := range slices.Clone(l.resyncs) {
		if r.busy || l.err != nil || l.now.Before(r.again) {
			continue
		}
		if r.table.dropped || r.table.absent || r.abandoned {
			l.abandonResync(r)
			continue
		}
		l.advanceResync(r)
	}
}

// advanceResync does the next step of a resync.
func (l *loop) advanceResync(r *resync) {
	if r.table.unread {
		l.askToJoin()
		return
	}
	// Between two source transactions, and no event waits for the target.
	quiet := l.stream != nil && l.atResume && l.held == nil && r.table.schema != nil
	switch r.phase {
	case shadowMissing:
		if l.shadowLaden(shadowName(r.table.route.Target)) {
			l.exact.wantEnd = true
		} else if r.table.schema != nil {
			l.createShadow(r)
		}
	case shadowCreated:
		if quiet && l.aboveFloor() {
			l.fillShadow(r)
		}
	case shadowFilling:
		l.keepFresh()
		if l.shadowOutdated(r) {
			return
		}
		if s := r.shadow; quiet && !l.pace.fresh.IsZero() && s.copy.Done && !s.unsaved && s.check == nil && l.swapping == nil && l.aboveFloor() {
			crashpoint.Here("shadow-filled")
			l.swapping, r.phase = r, shadowSwapping
			l.dropPages(r.table)
		}
	case shadowSwapping:
		l.seal(r.table)
		l.seal(r.shadow)
		if r.table.drained() && r.shadow.drained() && !r.table.busy() && !r.shadow.busy() {
			l.swapShadow(r)
		} else {
			l.needBoundary(r.table, "replacing")
		}
	case renewAsked, renewing:
		l.advanceRenewal(r, quiet)
	default:
		l.advanceWipe(r, quiet)
	}
}

// attempt runs a step of a resync that is tried again after a transient error.
func (l *loop) attempt(r *resync, step func(ctx context.Context) error, done func()) {
	r.busy = true
	l.begin(func(ctx context.Context) func() {
		err := l.cfg.mayReplace(ctx, r.table.route.Target.Database)
		if err == nil {
			err = step(ctx)
		}
		return func() {
			r.busy = false
			switch {
			case err == nil:
				r.tries = 0
				done()
			case diag.IsTransient(err):
				r.tries++
				wait := backOff(r.tries)
				r.again = l.now.Add(wait)
				l.notify(Warning, r.table.route.Target, fmt.Sprintf("resync: %v; next try in %s", err, wait))
			default:
				l.endResync(r, err)
			}
		}
	})
}

// shadowLaden tells that rows of an earlier shadow of this name, which was given up, are on
// their way: they must not arrive in the new one.
func (l *loop) shadowLaden(name change.Name) bool {
	return slices.ContainsFunc(l.order, func(t *table) bool { return t.route.Target == name && !t.drained() })
}

func (l *loop) createShadow(r *resync) {
	target, schema := r.table.route.Target, r.table.schema
	var identity string
	l.attempt(r, func(ctx context.Context) error {
		if err := l.cfg.Shaper.CreateShadow(ctx, shadowName(target), target, schema); err != nil {
			return err
		}
		var err error
		identity, err = l.cfg.Shaper.Identity(ctx, shadowName(target))
		return err
	}, func() {
		crashpoint.Here("shadow-created")
		if r.table.schema == schema { // else the shadow has the columns of then
			r.identity, r.phase = identity, shadowCreated
		}
	})
}

// fillShadow lets the shadow follow the source from here on, and its copy begin.
func (l *loop) fillShadow(r *resync) {
	r.shadow = l.addShadow(r.table, r.identity)
	r.shadow.schema, r.shadow.seen, r.shadow.unsaved = r.table.schema, r.table.schema, true
	r.shadow.touched = touched{window: r.table.touched.window}
	r.shadow.touched.clear(l.now)
	l.copyFrom(r.shadow, checkpoint.CopyState{})
	r.phase = shadowFilling
	l.exact.joining = true
	l.resume.states = l.tableStates()
	l.markHere()
}

// shadowOutdated begins a resync over when the schema has changed in a way that the
// shadow cannot follow: a table that takes another's place must take the next row.
func (l *loop) shadowOutdated(r *resync) bool {
	schema, s := r.table.schema, r.shadow
	if schema == nil || schema == r.schema {
		return false
	}
	r.schema = schema
	if v := s.verdict(schema); len(v.refused) == 0 {
		return false
	}
	l.letGoOfShadow(s)
	r.phase = shadowMissing
	l.notify(Info, r.table.route.Source, "resync: begun over, the schema has changed meanwhile")
	return true
}

// addShadow makes a shadow one of the tables that the loop follows.
func (l *loop) addShadow(t *table, identity string) *table {
	route := t.route
	route.Target, route.ShadowOf = shadowName(t.route.Target), t.route.Target
	return l.addTable(route, identity)
}

// addTable makes a route one of those that are at work.
func (l *loop) addTable(route Route, identity string) *table {
	t := l.newTable(route)
	t.identity, t.formUntil = identity, max(t.formUntil, l.cfg.carried.forms[route.Target])
	l.states = nil
	return t
}

// swapShadow gives the shadow the name of its table, once.
func (l *loop) swapShadow(r *resync) {
	target, shadow, abandoned := r.table.route.Target, r.shadow.route.Target, slices.Clone(r.table.abandoned)
	l.attempt(r, func(ctx context.Context) error {
		// What a stopped table left under way must not arrive behind the swap.
		if err := l.cfg.Target.Settle(ctx, target, abandoned); err != nil {
			return err
		}
		return swapOnce(ctx, l.cfg.Shaper, target, shadow, r.identity)
	}, func() {
		crashpoint.Here("swapped")
		r.table.ended(abandoned)
		l.takeOver(r.table, r.shadow)
		l.notify(Info, r.table.route.Source, fmt.Sprintf("resync: %s holds the new copy of %d rows", target, r.table.copy.Rows))
		l.endResync(r, nil)
	})
}

// swapOnce swaps, unless it was done before, and drops the old table.
func swapOnce(ctx context.Context, shaper Shaper, target, shadow change.Name, identity string) error {
	is, err := shaper.Identity(ctx, target)
	if err != nil {
		return err
	}
	if is != identity {
		if err := shaper.Swap(ctx, target, shadow); err != nil {
			return err
		}
	}
	return shaper.Drop(ctx, shadow)
}

// takeOver makes the table what its shadow is. Nothing was taken since both were
// drained, so that this holds at the resume point.
func (l *loop) takeOver(t, shadow *table) {
	l.dropPages(t)
	l.dropPages(shadow)
	t.seen, t.added = shadow.seen, shadow.added
	t.layout, t.described, t.columns = nil, nil, nil
	t.stopped, t.refused = nil, refusals{}
	l.copyFrom(t, shadow.copy) // after a crash its end may not be known
	l.removeShadow(shadow)
	l.resume.states = l.tableStates()
	l.markHere()
	l.savedAt = time.Time{} // soon, so that a restart does not meet the swap
}

// removeShadow lets go of a shadow. Its place in order stays, which states are found by.
func (l *loop) removeShadow(shadow *table) {
	if shadow.check != nil {
		l.endCheck(shadow.check, nil)
	}
	shadow.gone, shadow.schema = true, nil
	l.endCopy(shadow)
	name := shadow.route.Source
	l.tables[name] = slices.DeleteFunc(slices.Clone(l.tables[name]), func(one *table) bool { return one == shadow })
}

// abandonResync ends a resync whose table is gone.
func (l *loop) abandonResync(r *resync) {
	r.abandoned = true
	gone := jobProblem("table %s is gone at the source", r.table.route.Source)
	if r.phase >= wipeAsked {
		l.endResync(r, gone)
		return
	}
	if s := r.shadow; s != nil {
		l.letGoOfShadow(s)
		if !s.drained() && !l.sabotage.dropAtOnce { // a transaction has rows of it
			l.exact.wantEnd = true
			return
		}
	}
	shadow := shadowName(r.table.route.Target)
	l.attempt(r, func(ctx context.Context) error { return l.cfg.Shaper.Drop(ctx, shadow) }, func() { l.endResync(r, gone) })
}

// letGoOfShadow has nothing loaded into a shadow any more.
func (l *loop) letGoOfShadow(shadow *table) {
	if shadow.gone {
		return
	}
	l.dropRows(shadow)
	l.dropPages(shadow)
	l.removeShadow(shadow)
	l.refreshResume()
}

// endResync ends a resync, done or not. What was not done leaves the target as it was.
func (l *loop) endResync(r *resync, err error) {
	if !slices.Contains(l.resyncs, r) {
		return // while a step of it was under way
	}
	l.resyncs = slices.DeleteFunc(l.resyncs, func(one *resync) bool { return one == r })
	if l.swapping == r {
		l.swapping = nil
	}
	if err != nil && r.shadow != nil {
		l.letGoOfShadow(r.shadow)
	}
	switch {
	case err != nil && r.table.copy.Wipe && r.table.stopped == nil:
		l.notify(Warning, r.table.route.Target, fmt.Sprintf("cannot be emptied (%v): it is compared with %s and mended", err, r.table.route.Source))
		l.mendInstead(r.table)
	case err != nil:
		if r.table.copy.Wipe {
			l.endCopy(r.table)
			l.resume.states = l.tableStates()
			l.markHere()
		}
		l.notify(Warning, r.table.route.Source, fmt.Sprintf("resync given up, %s is as it was: %v", r.table.route.Target, err))
	}
	for _, j := range r.jobs {
		j.tableDone(CheckResult{Source: r.table.route.Source, Target: r.table.route.Target, Err: err, Copied: r.table.copy.Rows})
	}
}

// restoreShadows takes up the resyncs of the last run. One that had swapped is done.
func (l *loop) restoreShadows(ctx context.Context) error {
	if l.cfg.Restored == nil {
		return nil
	}
	for i := range l.cfg.Restored.Tables {
		state := &l.cfg.Restored.Tables[i]
		t := l.shadowed(state)
		if t == nil {
			continue
		}
		shadow := l.addShadow(t, state.Identity)
		shadow.setSchema(state)
		l.copyFrom(shadow, state.Copy)
		var at string
		err := l.insist(ctx, t.route.Target, "looking for the shadow of the last run", func() (err error) {
			at, err = l.cfg.Shaper.Identity(ctx, t.route.Target)
			if err == nil && at == state.Identity {
				err = l.cfg.Shaper.Drop(ctx, shadow.route.Target)
			}
			return err
		})
		if err != nil {
			return err
		}
		if at == state.Identity {
			l.takeOver(t, shadow)
			continue
		}
		l.resyncs = append(l.resyncs, &resync{table: t, shadow: shadow, identity: state.Identity, phase: shadowFilling})
		if state.Check != nil {
			l.beginCheck(shadow, *state.Check)
		}
	}
	l.resume.states = l.tableStates()
	return nil
}

// shadowed is the table that a checkpoint's table is the shadow of, nil for none.
func (l *loop) shadowed(state *checkpoint.TableState) *table {
	if state.ShadowOf == (change.Name{}) {
		return nil
	}
	for _, t := range l.tables[state.Name] {
		if t.route.Target == state.ShadowOf {
			return t
		}
	}
	return nil // it is not in the script any more
}
