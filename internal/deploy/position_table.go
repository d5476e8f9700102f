package deploy

import (
	"fmt"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/ferry"
)

// tableState is a table as a checkpoint at the position of the row has it, or as the one
// before had it, where its rows are copied or not. The schema of now is taken for the one of then if it reads rows alike: the
// stream comes by whatever changed meanwhile. Another one would be a guess, and stops the table.
// A copy that was not complete begins anew, while the stream brings what was deleted since; of
// a table that is gone by now it is over, as when the stream says so: its rows stay, and that
// it comes again must be noticed.
func tableState(t *ferry.PlaceTable, now *change.Table, copied, before bool) checkpoint.TableState {
	state := checkpoint.TableState{Name: t.Source, Target: t.Target, Table: now, Stopped: t.Stopped}
	state.Copy = checkpoint.CopyState{Done: copied, Wipe: t.Wipe && !t.Copied, Partial: t.Partial && copied}
	if now == nil && t.Stopped == nil {
		state.Copy.Done, state.Copy.Wipe = true, false
	}
	shape := t.Shape
	if before && t.ShapeBefore != "" {
		shape = t.ShapeBefore
	}
	if state.Stopped == nil && now != nil && ferry.Shape(now) != shape {
		state.Stopped = &checkpoint.Stop{
			At: time.Now(), Code: string(codeReshaped),
			Reason: fmt.Sprintf("the columns of %s are others now than at the position of the row, and which they were then the row does not say", t.Source),
			Fix:    fmt.Sprintf("starferry resync SCRIPT --table %s", t.Source),
		}
		state.Table = nil // so that it joins anew, where a resync begins
	}
	if state.Table != nil && state.Stopped == nil {
		state.Check = t.Check()
	}
	return state
}
