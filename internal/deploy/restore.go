package deploy

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/plan"
)

// restore finds where to go on from, and says what is unusual about it.
func restore(state *checkpoint.Dir, p *plan.Plan, o Options, out *printer) (checkpoint.Recovery, error) {
	r, err := state.Recover()
	if err != nil {
		return r, err
	}
	out.say(state.Notice())
	if o.FromCheckpoint != 0 {
		if r, err = state.At(o.FromCheckpoint); err != nil {
			return r, err
		}
		if names := joinedSince(&r); len(names) > 0 {
			return r, tooEarly(r.Number, names)
		}
		for _, line := range goBack(&r, p.Delivery) {
			out.say("warning: " + line)
		}
	}
	if c := r.Settled; c != nil && c.Position.Server == "" { // an older version wrote it
		c.Position.Server = c.Server
	}
	return r, nil
}

// joinedSince names the tables that joined the stream behind r's checkpoint. They would
// join again, later in the log: what was deleted in between would stay at the target.
func joinedSince(r *checkpoint.Recovery) (names []string) {
	if len(r.Void) == 0 {
		return nil
	}
	newest := r.Void[len(r.Void)-1]
	for i := range newest.Tables {
		t := &newest.Tables[i]
		if t.Table == nil || t.ShadowOf != (change.Name{}) {
			continue
		}
		if !slices.ContainsFunc(r.Settled.Tables, func(then checkpoint.TableState) bool {
			return then.Table != nil && then.Name == t.Name && then.Target == t.Target
		}) {
			names = append(names, t.Name.String())
		}
	}
	return names
}

func tooEarly(number uint64, names []string) error {
	return &diag.Problem{
		Code: codeTooEarly, Class: diag.Unusable,
		Message: fmt.Sprintf("checkpoint %d is from before %s joined: it would be copied again, and rows that were deleted at the source since could stay in StarRocks", number, strings.Join(names, ", ")),
		Fix:     "choose a later checkpoint ('starferry checkpoint ls' tells when tables were copied); or have the tables copied anew: starferry resync SCRIPT",
	}
}

// goBack makes r's checkpoint one to start from although the target is further, and
// says what that means. A copy anew that was under way then is not gone on with: it may
// have been swapped since, and whichever table is the target now holds what the newest
// checkpoint says. Epochs go on counting where they were: what is at the target names them.
func goBack(r *checkpoint.Recovery, delivery plan.Delivery) (lines []string) {
	from := *r.Settled
	r.Settled = &from
	if len(r.Void) == 0 && !r.FloorUnknown {
		return nil // it is the newest
	}
	var newest *checkpoint.Checkpoint
	until := "up to the end of the source's log as it is now"
	if len(r.Void) > 0 {
		newest = r.Void[len(r.Void)-1]
		from.Epoch = max(from.Epoch, newest.Epoch)
		if !r.FloorUnknown {
			until = "up to " + newest.Position.String()
		}
	}
	meaning := "until then rows may show an older version"
	if delivery == plan.ExactlyOnce {
		meaning = "nothing becomes visible before that"
	}
	lines = append(lines, fmt.Sprintf("starting from checkpoint %d of %s, at %s: what came after it is read again, %s; %s",
		r.Number, r.SavedAt.UTC().Format("2006-01-02 15:04:05 MST"), from.Position, until, meaning))
	if changed := rearranged(&from, newest); len(changed) > 0 {
		lines = append(lines, fmt.Sprintf("the columns of %s changed since: older rows come again without what was added, so compare it when the run has caught up (starferry verify)", strings.Join(changed, ", ")))
	}
	tables := from.Tables
	from.Tables = nil
	for _, t := range tables {
		if t.ShadowOf != (change.Name{}) {
			lines = append(lines, fmt.Sprintf("%s was being copied anew into %s then, which is not gone on with: ask for it again (starferry resync) if it was not done", t.Name, t.Target))
			continue
		}
		from.Tables = append(from.Tables, t)
	}
	return lines
}

// rearranged names the tables whose columns are others in a newer checkpoint.
func rearranged(then, newest *checkpoint.Checkpoint) (names []string) {
	if newest == nil {
		return nil
	}
	for i := range then.Tables {
		t := &then.Tables[i]
		at := slices.IndexFunc(newest.Tables, func(n checkpoint.TableState) bool { return n.Name == t.Name && n.Target == t.Target })
		if at < 0 || t.Table == nil || newest.Tables[at].Table == nil || t.Table.Version == newest.Tables[at].Table.Version {
			continue
		}
		names = append(names, t.Name.String())
	}
	return names
}

// newestOf is what is gone on from, unless a transaction of it is gone.
func newestOf(r *checkpoint.Recovery) *checkpoint.Checkpoint {
	if r.Unsettled != nil {
		return r.Unsettled
	}
	return r.Settled
}
