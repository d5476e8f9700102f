package deploy

import (
	"fmt"
	"strings"
	"time"

	"starferry/internal/plan"
)

// delivery says what exactly-once means for this plan; at-least-once needs no more than
// what the head and the routes say.
func (e *explainer) delivery() {
	switch {
	case e.plan.Delivery != plan.ExactlyOnce:
	case e.plan.Settings.PositionInside:
		e.positionInside()
	default:
		e.twoPhase()
	}
}

func (e *explainer) twoPhase() {
	p := e.plan
	e.line("Delivery", "two-phase: each table that has changes gets one StarRocks transaction per epoch; all are prepared, the checkpoint is saved, all are committed")
	e.line("Visible", "with every checkpoint, every %s; while an epoch is committed, a table may be ahead of another by that epoch", spell(p.Settings.CheckpointInterval))
	e.line("If lost", "a prepared transaction that StarRocks loses is loaded again from the checkpoint before: nothing is lost or doubled; its table shows an older state meanwhile, and none steps back")
	e.line("Restart", "within %s what is prepared is committed (sink.properties.prepared_timeout; StarRocks before 3.5.4 takes its own setting); later it is loaded again, as far as the binlog reaches back", spell(shortestPrepared(p)))
	e.line("Open", "at most %d transactions at a time in a database (sink.max-open-transactions), each for %s at most; %s; when more of them have changes, an epoch ends early",
		p.Settings.MaxOpenTransactions, spell(shortestOpen(p)), tablesByDatabase(p))
}

func (e *explainer) positionInside() {
	p := e.plan
	e.line("Delivery", "position-inside: one StarRocks transaction per epoch and target database holds the rows of all its tables and the position")
	one := "all tables of a database at one instant"
	if strings.Contains(tablesByDatabase(p), ",") {
		one += ", one database after another"
	}
	e.line("Visible", "with every checkpoint, every %s; %s", spell(p.Settings.CheckpointInterval), one)
	e.line("If lost", "a transaction that StarRocks loses is loaded again from the position that is visible: nothing is lost or doubled; readers see what they saw, and nothing steps back")
	e.line("Restart", "goes on from the position that is visible in StarRocks, as far as the binlog reaches back")
	e.line("Open", "one transaction per database, less than 200 s each; %s", tablesByDatabase(p))
}

func shortestPrepared(p *plan.Plan) time.Duration {
	shortest := p.Routes[0].Load.PreparedTimeout
	for _, r := range p.Routes {
		shortest = min(shortest, r.Load.PreparedTimeout)
	}
	return shortest
}

func shortestOpen(p *plan.Plan) time.Duration {
	shortest := p.Routes[0].Load.Timeout
	for _, r := range p.Routes {
		shortest = min(shortest, r.Load.Timeout)
	}
	return shortest
}

// tablesByDatabase counts the tables that go into each database, in the script's order.
func tablesByDatabase(p *plan.Plan) string {
	var databases []string
	tables := map[string]int{}
	for _, r := range p.Routes {
		if tables[r.Target.Database]++; tables[r.Target.Database] == 1 {
			databases = append(databases, r.Target.Database)
		}
	}
	for i, name := range databases {
		noun := "tables go"
		if tables[name] == 1 {
			noun = "table goes"
		}
		databases[i] = fmt.Sprintf("%d %s into %s", tables[name], noun, name)
	}
	return strings.Join(databases, ", ")
}

// spell writes a duration without the parts that are nothing: 1m, not 1m0s.
func spell(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
