package deploy

import (
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/plan"
)

func explained(p *plan.Plan) string {
	var b strings.Builder
	(&explainer{w: &b, plan: p}).delivery()
	return b.String()
}

func twoTables(settings plan.Settings) *plan.Plan {
	return &plan.Plan{Delivery: plan.ExactlyOnce, Settings: settings, Routes: []plan.Route{
		{Target: change.Name{Database: "shop", Table: "a"}, Load: plan.Load{PreparedTimeout: 24 * time.Hour, Timeout: 11 * time.Minute}},
		{Target: change.Name{Database: "shop", Table: "b"}, Load: plan.Load{PreparedTimeout: 90 * time.Minute, Timeout: 2 * time.Hour}},
	}}
}

// TestDeliveryIsExplained: which way, when data become visible, what a lost transaction
// means, how long a restart may take, how many are open.
func TestDeliveryIsExplained(t *testing.T) {
	t.Parallel()
	two := explained(twoTables(plan.Settings{CheckpointInterval: time.Minute, MaxOpenTransactions: 40}))
	inside := twoTables(plan.Settings{CheckpointInterval: 1500 * time.Millisecond, PositionInside: true})
	one := explained(inside)
	inside.Routes[1].Target.Database = "crm"
	for _, c := range []struct {
		text string
		want []string
	}{
		{two, []string{"two-phase", "every 1m;", "nothing is lost or doubled", "within 1h30m what", "at most 40 transactions", "for 11m at most", "2 tables go into shop"}},
		{one, []string{"position-inside", "every 1.5s; all tables of a database at one instant\n", "nothing is lost or doubled", "goes on from the position", "one transaction per database"}},
		{explained(inside), []string{"one database after another", "1 table goes into shop, 1 table goes into crm"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("it does not say %q:\n%s", want, c.text)
			}
		}
	}
	if strings.Contains(one, "prepared") || strings.Contains(two, "position-inside") {
		t.Errorf("the ways are mixed up:\n%s\n%s", two, one)
	}
	if got := explained(&plan.Plan{}); got != "" {
		t.Errorf("at-least-once: %s", got)
	}
}

func TestSpell(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s", 24 * time.Hour: "24h", 610 * time.Second: "10m10s", 10 * time.Minute: "10m",
	} {
		if got := spell(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
