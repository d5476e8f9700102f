package plan

import (
	"fmt"
	"slices"
	"time"

	"starferry/internal/diag"
	"starferry/internal/script"
)

const (
	deliverySetting = "delivery.exactly-once"
	intervalSetting = "execution.checkpointing.interval"
	// checkpointInterval is that of exactly-once when none is set.
	checkpointInterval = 10 * time.Second
	// insideTables and insideTime are what one transaction of a whole database takes:
	// StarRocks prepares its tables one after another, and gives it 300 s in all.
	insideTables = 200
	insideTime   = 200 * time.Second
)

// deliveryEnd remembers which statement said first how all of them are delivered: one
// loop with one checkpoint carries them.
type deliveryEnd struct {
	line    int
	differs bool // said once
}

// takeDelivery reads how the rows of a statement are delivered; all statements must say
// the same.
func (c *compiler) takeDelivery(st *script.CreateTableAs, options layers) {
	if c.mentioned("sink.semantic") {
		return
	}
	delivery := AtLeastOnce
	if options.text("sink.semantic", InWith) == ExactlyOnce.String() {
		delivery = ExactlyOnce
	}
	first := c.delivery
	if first == nil {
		line, _ := c.file.Position(st.At.Start)
		c.delivery = &deliveryEnd{line: line}
		c.plan.Delivery = delivery
		return
	}
	if delivery != c.plan.Delivery && !first.differs {
		c.error(CodeTwoDeliveries, c.placeOf(options, st.Name.At, "sink.semantic"),
			fmt.Sprintf("this statement is delivered %s, the one on line %d %s: a deployment has one checkpoint for all its tables", delivery, first.line, c.plan.Delivery),
			"write the same 'sink.semantic' into all statements, or once into the starrocks catalog; tables that need another go into a script of their own.")
		first.differs = true
	}
}

// deliver says what only the whole script shows of its delivery, and fills in what
// exactly-once needs.
func (c *compiler) deliver(set layers) {
	if len(c.plan.Routes) == 0 || c.mentioned("sink.semantic") {
		return
	}
	c.compareMode(set)
	way := c.way(set)
	c.leaveOut(way)
	if way == 0 {
		return
	}
	s := &c.plan.Settings
	s.PositionInside = way == PositionInside
	s.CheckpointMinPause = time.Duration(set.number("execution.checkpointing.min-pause", InSet)) * time.Millisecond
	if s.CheckpointInterval == 0 {
		s.CheckpointInterval = checkpointInterval
		c.plan.Options = append(c.plan.Options, OptionInForce{Key: intervalSetting, Value: showMillis(checkpointInterval), Origin: "default"})
	}
	if s.PositionInside {
		c.fitInside(set)
	} else {
		s.MaxOpenTransactions = c.budget()
	}
	c.refuseDeadLetters(set)
	warned := map[*bound]bool{}
	for i := range c.plan.Routes {
		c.sayVisible(c.routeOptions[i])
		c.fitOpen(&c.plan.Routes[i], c.routeOptions[i], warned)
		if !s.PositionInside {
			c.fitPrepared(&c.plan.Routes[i], c.routeOptions[i], warned)
		}
	}
}

func showMillis(d time.Duration) string { return showDuration(d.Milliseconds(), 10) }

// compareMode says that the mode of checkpoints decides nothing, where it differs.
func (c *compiler) compareMode(set layers) {
	b, _ := set.get("execution.checkpointing.mode")
	if b == nil || sameWord(b.value, c.plan.Delivery.String()) {
		return
	}
	c.info(CodeCheckpointMode, b.text.At, fmt.Sprintf("delivery is %s: the mode of checkpoints alone does not change it", c.plan.Delivery), "")
}

// way tells how exactly-once is kept, 0 for at-least-once.
func (c *compiler) way(set layers) Way {
	b, _ := set.get(deliverySetting)
	switch {
	case c.plan.Delivery == AtLeastOnce && b != nil:
		c.error(CodeNotExactlyOnce, b.text.At, fmt.Sprintf("'%s' says how exactly-once is kept, and delivery is at-least-once", deliverySetting),
			"add 'sink.semantic' = 'exactly-once' to the starrocks catalog or to WITH, or remove the setting.")
		return 0
	case c.plan.Delivery == AtLeastOnce:
		return 0
	case b != nil && b.value == "position-inside":
		return PositionInside
	}
	return TwoPhase
}

// leaveOut names the written options that mean nothing in this way of delivery, and
// takes them from those in force.
func (c *compiler) leaveOut(way Way) {
	for _, b := range c.someWays {
		if b.option.Only&way == 0 && b.key != deliverySetting {
			c.info(CodeNoEffect, b.text.Key.At, fmt.Sprintf("'%s' has no effect here: it only means something with %s", b.key, b.option.Only.phrase()), "")
		}
	}
	c.plan.Options = slices.DeleteFunc(c.plan.Options, func(o OptionInForce) bool {
		option := find(o.Key, ^Scope(0))
		return option.Only != 0 && option.Only&way == 0
	})
}

// budget is how many transactions may be open, which the statements share.
func (c *compiler) budget() int {
	const key = "sink.max-open-transactions"
	budget := c.routeOptions[0].number(key, InWith)
	for i, options := range c.routeOptions {
		if options.number(key, InWith) == budget {
			continue
		}
		at := c.plan.Routes[i].Span
		c.warn(CodeTwoDeliveries, c.placeOf(options, diag.Span{Start: at.Start, End: at.Start + len("CREATE TABLE")}, key),
			fmt.Sprintf("transactions are counted together: the '%s' of the statement on line %d is used, %d", key, c.delivery.line, budget),
			"write it into the starrocks catalog, or the same into every statement.")
		break
	}
	return int(budget)
}

// refuseDeadLetters: StarRocks judges the rows of a transaction when it is prepared, all
// of them together. To find the bad one, others would have to be committed without it.
func (c *compiler) refuseDeadLetters(set layers) {
	said := map[*bound]bool{}
	for i := range c.plan.Routes {
		b, _ := append(slices.Clone(c.routeOptions[i]), set...).get("on-bad-row")
		if b == nil || b.value != "dead-letter" || said[b] {
			continue
		}
		said[b] = true
		c.error(CodeRefusedOption, b.text.Value.At,
			"'on-bad-row' = 'dead-letter' is not supported with exactly-once: StarRocks judges all rows of a transaction at once when it is prepared, so that a bad one cannot be left out alone",
			"write 'stop', or 'sink.semantic' = 'at-least-once'.")
	}
}

// sayVisible says of an interval that decides when changes become visible in
// at-least-once that it does not here.
func (c *compiler) sayVisible(options layers) {
	if b := options[0].get("sink.buffer-flush.interval-ms"); b != nil {
		c.info(CodeNoEffect, b.text.Key.At, fmt.Sprintf("'%s' does not decide when changes become visible here: with exactly-once they do with every checkpoint", b.key), "")
	}
}

// fitOpen compares how long a route's transaction may be open with how long an epoch is.
func (c *compiler) fitOpen(r *Route, options layers, warned map[*bound]bool) {
	s := &c.plan.Settings
	b, _ := options.get(load + "timeout")
	switch {
	case b == nil:
		r.Load.Timeout = max(r.Load.Timeout, (s.CheckpointInterval + s.CheckpointTimeout + time.Second - 1).Truncate(time.Second))
		c.show(load+"timeout", r.Target.String(), fmt.Sprint(int64(r.Load.Timeout/time.Second)))
	case r.Load.Timeout < s.CheckpointInterval && !warned[b]:
		warned[b] = true
		c.warn(CodeTimeBudget, b.text.At,
			fmt.Sprintf("transactions may be open for %s only, and checkpoints are made every %s: StarRocks may end them before, and what they hold is loaded again",
				showMillis(r.Load.Timeout), showMillis(s.CheckpointInterval)),
			fmt.Sprintf("remove '%s', or SET '%s' = '%s'.", b.key, intervalSetting, showMillis(r.Load.Timeout/2)))
	}
}

// fitPrepared compares how long a prepared transaction is kept with how long the rest of
// a checkpoint may take.
func (c *compiler) fitPrepared(r *Route, options layers, warned map[*bound]bool) {
	timeout := c.plan.Settings.CheckpointTimeout
	b, _ := options.get(load + "prepared_timeout")
	if b == nil || r.Load.PreparedTimeout >= timeout || warned[b] {
		return
	}
	warned[b] = true
	c.error(CodeTimeBudget, b.text.At,
		fmt.Sprintf("prepared transactions are kept for %s only, and a checkpoint may take %s: they may be gone before they can be committed",
			showMillis(r.Load.PreparedTimeout), showMillis(timeout)),
		fmt.Sprintf("remove '%s', which is 86400 then, or SET 'execution.checkpointing.timeout' = '%s'.", b.key, showMillis(r.Load.PreparedTimeout)))
}

// show corrects the value of an option in force.
func (c *compiler) show(key, route, value string) {
	for i := range c.plan.Options {
		if o := &c.plan.Options[i]; o.Key == key && o.Route == route {
			o.Value = value
		}
	}
}

// fitInside holds a transaction of a whole database within what StarRocks gives it.
func (c *compiler) fitInside(set layers) {
	if b, _ := set.get(intervalSetting); c.plan.Settings.CheckpointInterval > insideTime {
		c.warn(CodeTimeBudget, b.text.At,
			fmt.Sprintf("with position-inside '%s' is cut to %s: StarRocks gives a transaction of several tables 300 s, from its begin to the end of its commit", b.key, showMillis(insideTime)),
			"write '200 s' or less, or SET 'delivery.exactly-once' = 'two-phase'.")
		c.plan.Settings.CheckpointInterval = insideTime
		c.show(intervalSetting, "", showMillis(insideTime))
	}
	b, _ := set.get(deliverySetting)
	tables := map[string]int{}
	for _, r := range c.plan.Routes {
		if tables[r.Target.Database]++; tables[r.Target.Database] == insideTables+1 {
			message, fix := tooManyInside(r.Target.Database)
			c.error(CodeTooManyTables, b.text.At, message, fix)
		}
	}
}

func tooManyInside(database string) (message, fix string) {
	return fmt.Sprintf("more than %d tables go into database %s: StarRocks prepares the tables of one transaction one after another", insideTables, database),
		"SET 'delivery.exactly-once' = 'two-phase', or write a script for each part of the tables."
}
