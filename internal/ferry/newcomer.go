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

// Tables that come while the ferry runs.
//
// Invariant: a newcomer becomes one of the tables between two source transactions, with the
// schema that it has there; what it got before is read by its copy, and nothing of it is
// loaded before a checkpoint knows it. So it is a table that joins, like any other. Until
// then it is nothing to a checkpoint: a restart asks the source which tables there are.
//
// While its target is made ready the other tables go on, and its rows go by.
//
// Rejected: holding the event that brought it until the target is ready. A CREATE TABLE may
// take seconds there, and a database may get a hundred tables at once.
type newcomer struct {
	name change.Name
	// schema is the version in force at the loop's position; nil while a stream that was
	// opened meanwhile has not said it.
	schema   *change.Table
	asking   bool
	admitted *Admission    // its targets are ready for schema
	refused  *change.Table // the schema that cannot be followed
	tries    int
	again    time.Time
}

// Admission is what a table that has come is followed into.
type Admission struct {
	Routes   []Route // none: it is not to be followed
	Cascades []Cascade
	Taken    func() // is called when it is followed; must not block
}

// waits tells that the newcomer will be followed, as far as is known.
func (n *newcomer) waits() bool { return n.refused == nil || n.refused != n.schema }

func (l *loop) newcomersWait() bool { return slices.ContainsFunc(l.newcomers, (*newcomer).waits) }

func (l *loop) newcomer(name change.Name) *newcomer {
	for _, n := range l.newcomers {
		if n.name == name {
			return n
		}
	}
	return nil
}

// stranger takes what befell a table that no route has.
func (l *loop) stranger(event *change.Event) {
	if l.cfg.Admit == nil || event.Table == nil {
		return
	}
	n := l.newcomer(event.Table.Name)
	switch event.Kind {
	case change.Joined:
		if n == nil {
			n = &newcomer{name: event.Table.Name}
			l.newcomers = append(l.newcomers, n)
		}
		n.schema, n.admitted = event.Table, nil
	case change.Altered, change.Replaced:
		if n != nil {
			n.schema, n.admitted = event.Table, nil
		}
	case change.Dropped:
		l.forgetNewcomer(n)
	case change.Unreadable:
		l.forgetNewcomer(n)
		l.sayNotFollowed(event.Table.Name, event.Cause)
	}
}

func (l *loop) forgetNewcomer(n *newcomer) {
	l.newcomers = slices.DeleteFunc(l.newcomers, func(one *newcomer) bool { return one == n })
}

// sayNotFollowed announces a table that cannot be followed, once.
func (l *loop) sayNotFollowed(name change.Name, cause error) {
	text := fmt.Sprintf("is new and cannot be followed, the other tables go on: %v", cause)
	if p := diag.Find(cause); p != nil && p.Fix != "" {
		text += "\n   = To fix: " + p.Fix
	}
	if l.notFollowed == nil {
		l.notFollowed = map[change.Name]string{}
	}
	if l.notFollowed[name] != text {
		l.notFollowed[name] = text
		l.notify(Warning, name, text)
	}
}

// advanceNewcomers has targets made ready, and takes the tables whose targets are.
func (l *loop) advanceNewcomers() {
	if len(l.newcomers) == 0 || l.stopping || l.err != nil {
		return
	}
	for _, n := range slices.Clone(l.newcomers) {
		if n.schema != nil && n.admitted == nil && !n.asking && n.waits() && !l.now.Before(n.again) {
			l.admit(n)
		}
	}
	if !l.mayJoin() {
		return
	}
	taken := false
	for _, n := range slices.Clone(l.newcomers) {
		if n.admitted != nil && n.schema != nil {
			l.takeIn(n)
			taken = true
		}
	}
	if taken {
		l.haveJoined()
		crashpoint.Here("newcomer-joined")
	}
}

// mayJoin: between two source transactions, and where the epoch can end at once.
func (l *loop) mayJoin() bool {
	return l.stream != nil && l.atResume && l.held == nil && l.swapping == nil &&
		(!l.isExact() || l.exact.closing == nil && l.exact.redo == nil && l.aboveFloor())
}

// admit has the targets of a newcomer made ready.
func (l *loop) admit(n *newcomer) {
	n.asking = true
	schema := n.schema
	l.begin(func(ctx context.Context) func() {
		crashpoint.Here("newcomer-seen")
		admission, err := l.cfg.Admit(ctx, schema)
		crashpoint.Here("newcomer-admitted")
		return func() {
			n.asking = false
			switch {
			case n.schema != schema: // it is asked again for what it is now
			case err != nil && diag.IsTransient(err):
				n.tries++
				wait := backOff(n.tries)
				n.again = l.now.Add(wait)
				l.notify(Warning, n.name, fmt.Sprintf("is new: %v; next try in %s", err, wait))
			case err != nil:
				n.refused = schema
				l.sayNotFollowed(n.name, err)
			case len(admission.Routes) == 0:
				l.forgetNewcomer(n)
			default:
				n.admitted, n.tries = &admission, 0
			}
		}
	})
}

// takeIn makes a newcomer one of the tables.
func (l *loop) takeIn(n *newcomer) {
	l.forgetNewcomer(n)
	delete(l.notFollowed, n.name)
	for _, route := range n.admitted.Routes {
		t := l.addTable(route, "")
		l.seal(t) // rows of other shards do not wait for this one's join
		t.schema, t.seen, t.unsaved = n.schema, n.schema, true
		t.touched = touched{window: l.stream.Barrier().Window}
		t.touched.clear(l.now)
		l.copyFrom(t, checkpoint.CopyState{})
		l.notify(Info, n.name, fmt.Sprintf("is new: followed into %s from here, the copy begins", route.Target))
		// A redo begins with the routes.
		l.cfg.Routes = append(slices.Clip(l.cfg.Routes), route)
	}
	l.cfg.Cascades = append(slices.Clip(l.cfg.Cascades), n.admitted.Cascades...)
	n.admitted.Taken()
}

// haveJoined makes the place where the loop stands one that knows the tables that have
// joined here.
func (l *loop) haveJoined() {
	l.exact.joining = !l.sabotage.loadBeforeJoinIsSaved
	l.states = nil
	l.resume.states = l.tableStates()
	l.markHere()
}

// forgetSchemas is for a stream that begins anew: it says what the newcomers are there.
func (l *loop) forgetSchemas() {
	l.newcomers = slices.DeleteFunc(l.newcomers, func(n *newcomer) bool { return !n.waits() })
	for _, n := range l.newcomers {
		n.schema, n.admitted, n.refused = nil, nil, nil
	}
}

// sibling is another table of the same source whose schema is known, nil for none.
func (l *loop) sibling(t *table) *table {
	for _, other := range l.tables[t.route.Source] {
		if other != t && other.schema != nil && other.identity == "" && !other.gone {
			return other
		}
	}
	return nil
}

// concerned are the tables that an event is of. One that is to join besides another does
// not know what it is of yet.
func (l *loop) concerned(event *change.Event) []*table {
	if event.Table == nil {
		return nil
	}
	tables := l.tables[event.Table.Name]
	if !l.siblingsWait || event.Kind == change.Joined || event.Kind == change.Dropped {
		return tables
	}
	return slices.DeleteFunc(slices.Clone(tables), func(t *table) bool { return t.besides })
}

// followSiblings lets tables join whose source is followed already, for another target.
func (l *loop) followSiblings() {
	if !l.siblingsWait || l.stopping || l.err != nil || !l.mayJoin() {
		return
	}
	l.siblingsWait = false
	for _, t := range l.order {
		if !t.besides {
			continue
		}
		t.besides = false
		if other := l.sibling(t); other != nil {
			l.joined(t, &change.Event{Kind: change.Joined, Table: other.schema, Position: l.resume.position})
		}
	}
	l.haveJoined()
}
