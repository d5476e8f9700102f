package starrocks_test

import (
	"errors"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/emulator"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
)

// TestFaults: what a cluster does wrong ends as one load, no load, or an error that
// leaves the outcome open and is mended by sending the same bytes again.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault emulator.Fault
		// aborted: the first try is certain not to be visible; open: it may be.
		aborted, open bool
	}{
		"slow publish":        {fault: emulator.Fault{Op: "publish", Delay: 300 * time.Millisecond}},
		"publish timeout":     {fault: emulator.Fault{Op: "be-load", PublishTimeout: true}},
		"answer lost":         {fault: emulator.Fault{Op: "be-load", DropAfter: true}},
		"backend hangs up":    {fault: emulator.Fault{Op: "be-load", DropBefore: true}, aborted: true, open: true},
		"frontend hangs up":   {fault: emulator.Fault{Op: "fe-load", DropBefore: true}, aborted: true},
		"too many versions":   {fault: emulator.Fault{Op: "be-load", Message: emulator.TooManyVersions}, aborted: true},
		"state cannot be had": {fault: emulator.Fault{Op: "get_load_state", DropBefore: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if w.real {
				t.Skip("a real cluster cannot be told to misbehave")
			}
			client := w.client(t, w.admin)
			spec := starrocks.TableSpec{Target: w.table("f"), Source: tutorialTable(), Simple: true, Properties: "buckets 1"}
			if _, err := client.Prepare(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			c.fault.Count = 1
			w.double.Fault(c.fault)
			loads := client.Loads(ferry.Route{Target: spec.Target})
			rows := rowsOf(5, "1", "a", "b", "<null>", "<null>")
			batch := loads.NewBatch(layoutOf(spec.Source), rows, 0)
			batch.Add(ferry.Upsert, rows, 0)
			used := label()
			err := loads.Send(t.Context(), used, batch)
			var aborted *ferry.AbortedError
			switch {
			case err == nil && (c.aborted || c.open):
				t.Fatal("the load is said to be visible")
			case err != nil && !diag.IsTransient(err):
				t.Fatal(err)
			case errors.As(err, &aborted) && !c.aborted, err != nil && aborted == nil && !c.open:
				t.Fatalf("%T %v", err, err)
			case aborted != nil:
				used = label()
			}
			if got := w.read(t, "SELECT COUNT(*) FROM "+w.database+".f"); err == nil && got[0] != "1" || aborted != nil && got[0] != "0" {
				t.Errorf("%q rows are visible after %v", got, err)
			}
			if err != nil {
				if err := loads.Send(t.Context(), used, batch); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.read(t, "SELECT COUNT(*) FROM "+w.database+".f"); got[0] != "1" {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestALostAnswerToAlterIsNoFailure: the table is asked, not the reply.
func TestALostAnswerToAlterIsNoFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.real {
		t.Skip("a real cluster cannot be told to misbehave")
	}
	c := w.client(t, w.admin)
	spec := starrocks.TableSpec{Target: w.table("f"), Source: tutorialTable(), Simple: true, Properties: "buckets 1"}
	if _, err := c.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	w.double.Fault(emulator.Fault{Op: "query", Contains: "ADD COLUMN", DropAfter: true, Count: 1})
	if _, err := c.AddColumns(t.Context(), spec.Target, []change.Column{{Name: "n", Type: change.Type{Base: change.Int}, Nullable: true}}); err != nil {
		t.Fatal(err)
	}
	columns, err := c.Columns(t.Context(), spec.Target, spec.Source)
	if err != nil || len(columns) != 6 {
		t.Error(columns, err)
	}
}
