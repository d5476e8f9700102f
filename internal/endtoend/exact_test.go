package endtoend

import (
	"testing"

	"starferry/internal/testbed"
)

// TestBank: under four writers every state that the target shows is one that the source
// had between two transactions, the tables of it each or, with the position inside, all.
func TestBank(t *testing.T) {
	t.Parallel()
	for name, source := range bothSources {
		for _, o := range ways {
			t.Run(name+", "+o.name, func(t *testing.T) {
				t.Parallel()
				w := o.world(t, source(t))
				b := newBank(t, w, 400, o.inside)
				script := b.script(t, b.exactly("100ms"))
				b.begin(t, 4)
				w.catchUp(t, script)
				a := b.audit(t)
				p := w.start(t, script)
				a.await(t, 60)
				w.stop(t, p)
				b.end()
				w.catchUp(t, script)
				a.end(t)
				for _, table := range bankTables {
					w.compare(t, table, table)
				}
			})
		}
	}
}

// TestTheAuditorSees: in two-phase the tables become visible one after the other, which
// somebody who takes it for the other way must notice.
func TestTheAuditorSees(t *testing.T) {
	t.Parallel()
	w := ways[0].world(t, testbed.MySQL(t))
	b := newBank(t, w, 100, false)
	script := b.script(t, b.exactly("100ms"))
	b.begin(t, 2)
	w.catchUp(t, script)
	b.inside = true
	a := b.audit(t)
	p := w.start(t, script)
	eventually(t, func() string {
		if len(a.found()) == 0 {
			return "both tables have always shown the same moment"
		}
		return ""
	})
	w.stop(t, p)
}
