package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/script"
)

func (c *compiler) set(st *script.Set) {
	if st.Key.Value == "" || st.IsBroken() {
		return
	}
	b := c.bindOne(script.Option{Key: st.Key, Value: st.Value, At: st.At}, InSet)
	if b == nil {
		return
	}
	c.unset(b.key)
	c.settings.list = append(c.settings.list, b)
	c.late = append(c.late, b)
}

func (c *compiler) reset(st *script.Reset) {
	if st.Key == nil {
		c.settings.list = nil
		return
	}
	key := strings.TrimSpace(st.Key.Value)
	option := find(key, InSet)
	if option == nil || isTypo(option, key, InSet) {
		c.unknownOption(*st.Key, InSet)
		return
	}
	if option.isFamily() {
		c.unset(key)
		return
	}
	c.unset(option.Key)
}

func (c *compiler) unset(key string) {
	c.settings.list = slices.DeleteFunc(slices.Clone(c.settings.list), func(b *bound) bool { return b.key == key })
}

// finish reads the settings in force and says what only the whole script shows.
func (c *compiler) finish() {
	if c.inForce == nil {
		c.inForce, c.late = c.settings, nil
	}
	if c.lost || c.script.Broken {
		c.late = nil // a statement behind them may be one that could not be read
	}
	for _, b := range c.late {
		c.warn(CodeLateSet, b.text.At, fmt.Sprintf("SET '%s' stands behind the last statement and has no effect", b.key), "move it before the first CREATE TABLE.")
	}
	set := layers{c.inForce}
	if name := set.text("pipeline.name", InSet); name != "" {
		c.plan.Name = name
	}
	c.plan.Source.Barrier = set.text("snapshot.barrier", InSet)
	c.plan.Settings = Settings{
		CheckpointInterval: time.Duration(set.number("execution.checkpointing.interval", InSet)) * time.Millisecond,
		CheckpointTimeout:  time.Duration(set.number("execution.checkpointing.timeout", InSet)) * time.Millisecond,
		Memory:             int(set.number("memory", InSet)),
		PageBytes:          int(set.number("snapshot.page-size", InSet)),

		Parallelism:            int(set.number("snapshot.parallelism", InSet)),
		MaxLag:                 time.Duration(set.number("snapshot.max-lag", InSet)) * time.Millisecond,
		SnapshotBytesPerSecond: int(set.number("snapshot.max-mb-per-second", InSet)) << 20,
		VerifyBytesPerSecond:   int(set.number("verify.max-mb-per-second", InSet)) << 20,
		PauseThreads:           pauseThreads(set.text("snapshot.pause-when", InSet)),
		FollowNew:              set.text(followNew, InSet) == "true",
		MendCascades:           set.text("fk.cascade", InSet) == "repair",
		RowLess:                rowLess[set.text("row-less.change.behavior", InSet)],
	}
	for i := range c.plan.Routes {
		if r := &c.plan.Routes[i]; r.OnBadRow == "" {
			r.OnBadRow = set.text("on-bad-row", InSet)
		}
		c.plan.Routes[i].Schema = schemaOf(c.hints[i], set)
	}
	c.fitMemory(set)
	if len(c.passwords) > 0 {
		places := ""
		if len(c.passwords) > 1 {
			places = fmt.Sprintf(", in %d places", len(c.passwords))
		}
		c.info(CodePlainPassword, c.passwords[0], "a password is written in the script"+places, "keep the script readable by you alone: chmod 600.")
	}
	c.inForceOptions(set, InSet, change.Name{}, "")
	c.deliver(set)
	sortOptions(c.plan.Options)
	c.takeSelections()
}

var rowLess = map[string]RowLess{"repair": RepairRowLess, "repair-all": RepairAllRowLess, "stop": StopRowLess}

// MostPage is the most bytes of a page: a quarter of the memory allowed, since pages wait in
// more than one place at a time.
func (s *Settings) MostPage() int { return s.Memory / 4 }

// MostBatch is the most bytes of a batch: half of the memory allowed, since one is loaded
// while another fills.
func (s *Settings) MostBatch() int { return s.Memory / 2 }

// fitMemory keeps pages and batches within the memory allowed.
func (c *compiler) fitMemory(set layers) {
	if most := c.plan.Settings.MostPage(); c.plan.Settings.PageBytes > most {
		c.plan.Settings.PageBytes = most
		c.cut(set, "snapshot.page-size", most)
	}
	most := c.plan.Settings.MostBatch()
	for i := range c.plan.Routes {
		r := &c.plan.Routes[i]
		if r.Flush.MaxBytes > most {
			c.cutRoute(r, most)
			r.Flush.MaxBytes = most
		}
	}
}

func (c *compiler) cut(set layers, key string, most int) {
	if b, _ := set.get(key); b != nil {
		c.warn(CodeMemory, b.text.At, fmt.Sprintf("'%s' is cut to %s, a quarter of 'memory'", key, showSize(int64(most), 10)), "SET 'memory' = '…' to four times as much.")
		b.value = showSize(int64(most), 10)
	}
}

// cutRoute warns only where the size was written; the default gives way in silence.
func (c *compiler) cutRoute(r *Route, most int) {
	const key = "sink.buffer-flush.max-bytes"
	for i := range c.plan.Options {
		o := &c.plan.Options[i]
		if o.Key != key || o.Route != r.Target.String() {
			continue
		}
		o.Value = showSize(int64(most), 10)
		if o.Origin != "default" {
			at := diag.Span{Start: r.Span.Start, End: r.Span.Start + len("CREATE TABLE")}
			c.warn(CodeMemory, at, fmt.Sprintf("'%s' of %s is cut to %s, half of 'memory'", key, r.Target, showSize(int64(most), 10)), "SET 'memory' = '…' to twice as much.")
		}
	}
}
