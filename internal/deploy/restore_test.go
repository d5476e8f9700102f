package deploy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/plan"
)

func TestGoingBackToAnOlderCheckpoint(t *testing.T) {
	t.Parallel()
	name, shadow := change.Name{Database: "shop", Table: "orders"}, change.Name{Database: "shop", Table: "orders__resync"}
	at := func(epoch uint64, version int) *checkpoint.Checkpoint {
		return &checkpoint.Checkpoint{
			Epoch: epoch, Position: change.Position{File: "log.000001", Offset: epoch * 100},
			Tables: []checkpoint.TableState{{Name: name, Target: name, Table: &change.Table{Name: name, Version: version}}},
		}
	}
	copying := at(1, 1)
	copying.Tables = append(copying.Tables, checkpoint.TableState{Name: name, Target: shadow, ShadowOf: name})
	for title, test := range map[string]struct {
		recovery checkpoint.Recovery
		delivery plan.Delivery
		want     []string
		epoch    uint64
	}{
		"the newest itself": {recovery: checkpoint.Recovery{Settled: at(3, 1)}, epoch: 3},
		"an older one": {
			recovery: checkpoint.Recovery{Settled: at(1, 1), Void: []*checkpoint.Checkpoint{at(2, 1), at(3, 1)}},
			want:     []string{"starting from checkpoint 41 of 2026-01-02 03:04:05 UTC, at log.000001:100: what came after it is read again, up to log.000001:300; until then rows may show an older version"},
			epoch:    3,
		},
		"exactly-once": {
			recovery: checkpoint.Recovery{Settled: at(1, 1), Void: []*checkpoint.Checkpoint{at(2, 1)}}, delivery: plan.ExactlyOnce,
			want: []string{"up to log.000001:200; nothing becomes visible before that"}, epoch: 2,
		},
		"how far the target is, nobody knows": {
			recovery: checkpoint.Recovery{Settled: at(1, 1), Void: []*checkpoint.Checkpoint{at(2, 1)}, FloorUnknown: true},
			want:     []string{"up to the end of the source's log as it is now"}, epoch: 2,
		},
		"of other columns": {
			recovery: checkpoint.Recovery{Settled: at(1, 1), Void: []*checkpoint.Checkpoint{at(2, 2)}},
			want:     []string{"starting from", "the columns of shop.orders changed since"}, epoch: 2,
		},
		"in the middle of a copy anew": {
			recovery: checkpoint.Recovery{Settled: copying, Void: []*checkpoint.Checkpoint{at(2, 1)}},
			want:     []string{"starting from", "shop.orders was being copied anew into shop.orders__resync then"}, epoch: 2,
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := test.recovery
			r.Number, r.SavedAt = 41, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			before := *test.recovery.Settled
			lines := goBack(&r, test.delivery)
			if len(lines) != len(test.want) || r.Settled.Epoch != test.epoch {
				t.Fatalf("%q, epoch %d", lines, r.Settled.Epoch)
			}
			for i, part := range test.want {
				if !strings.Contains(lines[i], part) {
					t.Errorf("%q is not in %q", part, lines[i])
				}
			}
			if slices.ContainsFunc(r.Settled.Tables, func(s checkpoint.TableState) bool { return s.ShadowOf != (change.Name{}) }) {
				t.Error("a shadow is gone on with")
			}
			if before.Epoch != test.recovery.Settled.Epoch || len(before.Tables) != len(test.recovery.Settled.Tables) {
				t.Error("the state directory's own record was changed")
			}
		})
	}
}

// TestJoinedSince: a table that joined behind the checkpoint would miss what was deleted
// before it joins again.
func TestJoinedSince(t *testing.T) {
	t.Parallel()
	state := func(name string, joined bool) checkpoint.TableState {
		s := checkpoint.TableState{Name: change.Name{Database: "shop", Table: name}, Target: change.Name{Database: "shop", Table: name}}
		if joined {
			s.Table = &change.Table{Name: s.Name}
		}
		return s
	}
	shadow := state("orders", true)
	shadow.Target, shadow.ShadowOf = change.Name{Database: "shop", Table: "orders__resync"}, shadow.Name
	holding := func(tables ...checkpoint.TableState) *checkpoint.Checkpoint {
		return &checkpoint.Checkpoint{Tables: tables}
	}
	for title, test := range map[string]struct {
		then, newest *checkpoint.Checkpoint
		want         string
	}{
		"the newest itself": {then: holding(state("orders", false))},
		"joined then":       {then: holding(state("orders", true)), newest: holding(state("orders", true), shadow)},
		"not joined then":   {then: holding(state("orders", false)), newest: holding(state("orders", true)), want: "shop.orders"},
		"never joined":      {then: holding(state("orders", false)), newest: holding(state("orders", false))},
		"added since":       {then: holding(state("orders", true)), newest: holding(state("orders", true), state("stock", true)), want: "shop.stock"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := checkpoint.Recovery{Settled: test.then}
			if test.newest != nil {
				r.Void = []*checkpoint.Checkpoint{holding(), test.newest}
			}
			if names := strings.Join(joinedSince(&r), ","); names != test.want {
				t.Errorf("%q, want %q", names, test.want)
			}
		})
	}
}
