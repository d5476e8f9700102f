package ferry

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// The oracle of exactly-once: at every visible moment a table, or with the position inside
// all tables of a database, is the source's at one place P between two transactions, and P
// never goes back.

// simShown is what the oracle knows of a table.
type simShown struct {
	place  uint64               // the least that it may be at
	copied checkpoint.CopyState // what the checkpoint says whose rows are visible
	joined uint64               // changes up to there come by copy
	// blind: something else than row events has changed rows, or the table is stopped.
	blind bool
	// mixed: an older state directory was put back; up to there rows of two places show.
	mixed uint64
}

// show makes a transaction visible, at one instant: of several changes of a row only the
// last is ever seen.
func (t *simTarget) show(x *simTransaction) {
	x.state = TransactionVisible
	if simNotices {
		fmt.Println(x)
	}
	if x.entry != nil {
		t.ledger[simLedgerKey{x.label.Table.Database, x.entry.Deployment}] = *x.entry
		if x.entry.Deployment != simDeployment {
			return // a claim
		}
	}
	c := t.held[x.label.Label]
	if c == nil {
		t.violate("a transaction of %s is visible that no checkpoint holds", x.label.Table)
		return
	}
	byTarget := map[change.Name][]*simBatch{}
	var targets, names []change.Name
	for _, b := range x.batches {
		if byTarget[b.name] == nil {
			targets = append(targets, b.name)
		}
		byTarget[b.name] = append(byTarget[b.name], b)
	}
	for _, target := range targets {
		batches := byTarget[target]
		type key struct {
			table change.Name
			id    string
		}
		last := map[key]int{}
		var ops []simOp
		for _, b := range batches {
			for _, op := range b.ops {
				one := key{op.table, op.row["id"]}
				if at, ok := last[one]; ok {
					ops[at] = op
					continue
				}
				last[one] = len(ops)
				ops = append(ops, op)
			}
		}
		t.apply(batches[0], ops)
		for _, table := range t.source.tables {
			if t.source.into(table.name) == target {
				t.checkpointed(table.name, c)
				names = append(names, table.name)
			}
		}
	}
	if t.inside {
		for _, name := range t.tablesOf(x.label.Table.Database) {
			t.checkpointed(name, c)
		}
	}
	t.look(c, names...)
}

// holds is told that a checkpoint holds: the tables are at its place or behind it.
func (t *simTarget) holds(c *checkpoint.Checkpoint) {
	if !t.exact {
		return
	}
	var names []change.Name
	for i := range c.Tables {
		name := c.Tables[i].Name
		shown := t.shown[name]
		if shown == nil || c.Tables[i].ShadowOf != (change.Name{}) {
			continue
		}
		t.checkpointed(name, c)
		if simPlace(c.Position) >= shown.mixed {
			shown.place = max(shown.place, simPlace(c.Position))
		}
		names = append(names, name)
	}
	t.look(c, names...)
}

// checkpointed says which checkpoint's rows a table shows.
func (t *simTarget) checkpointed(name change.Name, c *checkpoint.Checkpoint) {
	if t.shown[name] == nil {
		return // a shadow
	}
	shown := t.shown[name]
	for i := range c.Tables {
		s := &c.Tables[i]
		switch {
		case s.Name != name || s.ShadowOf != (change.Name{}):
		case s.Stopped != nil:
			shown.blind = true
		case s.Table == nil && s.Copy.Done: // dropped, perhaps in the middle of its copy
			shown.blind = shown.blind || !shown.copied.Done
		case s.Table == nil:
			t.forgotten(name)
		default:
			shown.copied = s.Copy
			switch {
			case shown.joined == math.MaxUint64:
				shown.joined = simPlace(c.Position) // or before
			case len(t.tables[name].rows) == 0 && !s.Copy.Done && len(s.Copy.Spans) == 0: // after a redo it may have joined again
				shown.joined = max(shown.joined, simPlace(c.Position))
			}
		}
	}
}

// forgotten is told that nobody knows a table any more: it joins again, later.
func (t *simTarget) forgotten(name change.Name) {
	if len(t.tables[name].rows) == 0 {
		t.shown[name].joined, t.shown[name].copied = math.MaxUint64, checkpoint.CopyState{}
	}
}

// changed is told that something else than row events changes rows of a table.
func (t *simTarget) changed(name change.Name) {
	if shown := t.shown[name]; shown != nil {
		shown.blind = true
	}
}

// emptied is told that a table was emptied, to be copied anew.
func (t *simTarget) emptied(name change.Name) {
	if shown := t.shown[name]; shown != nil && t.exact {
		shown.copied, shown.joined = checkpoint.CopyState{}, t.where()
	}
}

// replaced is told that a shadow, which is complete, has taken a table's place.
func (t *simTarget) replaced(name change.Name) {
	if shown := t.shown[name]; shown != nil && t.exact {
		shown.copied = checkpoint.CopyState{Done: true}
		t.look(nil, name)
	}
}

// look finds the places of the source that the tables may be at, as a checkpoint has it.
func (t *simTarget) look(c *checkpoint.Checkpoint, names ...change.Name) {
	if c != nil {
		names = slices.DeleteFunc(slices.Clone(names), func(name change.Name) bool {
			return t.shown[name] != nil && simPlace(c.Position) < t.shown[name].mixed
		})
	}
	for _, group := range t.groups(names) {
		if t.violation == nil && len(group) > 0 {
			t.lookAt(group)
		}
	}
}

// groups are the tables, or all of their databases, that are at one place.
func (t *simTarget) groups(names []change.Name) (groups [][]change.Name) {
	databases, targets := map[string]bool{}, map[change.Name]bool{}
	for _, name := range names {
		into := t.source.into(name)
		switch {
		case t.shown[name] == nil || t.shown[name].blind || databases[into.Database] || targets[into]: // a shadow
		case t.inside:
			databases[into.Database] = true
			groups = append(groups, slices.DeleteFunc(t.tablesOf(into.Database), func(name change.Name) bool { return t.shown[name].blind }))
		default:
			targets[into] = true
			groups = append(groups, slices.DeleteFunc(t.tablesOf(into.Database), func(name change.Name) bool {
				return t.shown[name].blind || t.source.into(name) != into
			}))
		}
	}
	return groups
}

func (t *simTarget) tablesOf(database string) (names []change.Name) {
	for _, table := range t.source.tables {
		if t.source.into(table.name).Database == database {
			names = append(names, table.name)
		}
	}
	return names
}

func (t *simTarget) lookAt(names []change.Name) {
	from := uint64(0)
	views := make([]*simView, len(names))
	for i, name := range names {
		from = max(from, t.shown[name].place)
		views[i] = t.view(name)
	}
	next, log := 0, t.source.log
	for ; next < len(log) && log[next].end <= from; next++ {
		for _, v := range views {
			v.pass(&log[next])
		}
	}
	why := differs(views)
	first := why
	for ; why != "" && next < len(log); next++ {
		for _, v := range views {
			v.pass(&log[next])
		}
		if from = log[next].end; log[next].txn != nil {
			why = differs(views)
		}
	}
	if why != "" {
		t.violate("%v show a state that the source did not have at %d or later: there %s; at the end %s", names, t.shown[names[0]].place, first, why)
	}
	t.placed(from, names)
}

func (t *simTarget) placed(place uint64, names []change.Name) {
	for _, name := range names {
		t.shown[name].place = place
	}
}

// simView is a table beside what it should be at a place.
type simView struct {
	name  change.Name
	shown *simShown
	got   [simKeys]int // versions
	want  [simKeys]int
	since [simKeys]uint64 // where each came to be
}

const simKeys = 30

func simKey(n int) string { return "k" + string(rune('0'+n/10)) + string(rune('0'+n%10)) }

func simKeyNumber(key string) int { return 10*int(key[1]-'0') + int(key[2]-'0') }

func (t *simTarget) view(name change.Name) *simView {
	v := &simView{name: name, shown: t.shown[name]}
	for key, row := range t.tables[name].rows {
		v.got[simKeyNumber(key)], _ = strconv.Atoi(row["v"])
	}
	return v
}

// pass goes past an entry of the log.
func (v *simView) pass(entry *simEntry) {
	if entry.txn == nil {
		return
	}
	for i := range entry.txn.changes {
		c := &entry.txn.changes[i]
		if c.table.name != v.name {
			continue
		}
		if c.from != c.key || c.after == nil {
			n := simKeyNumber(c.from)
			v.want[n], v.since[n] = 0, entry.end
		}
		if c.after != nil {
			n := simKeyNumber(c.key)
			v.want[n], v.since[n] = c.seq, entry.end
		}
	}
}

// differs says why tables are not the source's at a place, "" when they are.
func differs(views []*simView) string {
	for _, v := range views {
		for n, want := range v.want {
			if got := v.got[n]; got != want && (got != 0 || v.since[n] > v.shown.joined || !v.shown.leaves(simKey(n))) {
				return fmt.Sprintf("%s of %s is version %d, not %d", simKey(n), v.name, got, want)
			}
		}
	}
	return ""
}

// leaves tells whether a key is not copied yet.
func (s *simShown) leaves(key string) bool {
	if s.copied.Done {
		return false
	}
	for _, span := range s.copied.Spans {
		if (span.After == nil || key > string(span.After.Cell(0, 0))) && (span.Until == nil || key <= string(span.Until.Cell(0, 0))) {
			return true
		}
	}
	return len(s.copied.Spans) == 0
}
