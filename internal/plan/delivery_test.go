package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"starferry/internal/diag"
)

// tablesScript fills so many tables of one database, with more settings and catalog
// options.
func tablesScript(tables int, settings, options string) string {
	var b strings.Builder
	b.WriteString("CREATE CATALOG my WITH ('type' = 'mysql', 'hostname' = 'm', 'username' = 'u');\n")
	fmt.Fprintf(&b, "CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = 'fe:9030', 'load-url' = 'fe:8030', 'username' = 'u', 'sink.semantic' = 'exactly-once'%s);\n%s\n", options, settings)
	for i := range tables {
		fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS sr.shop.t%d WITH ('starrocks.create.table.mode' = 'simple', 'starrocks.create.table.properties' = 'buckets 8') AS TABLE my.shop.t%d;\n", i, i)
	}
	return b.String()
}

const inside = "SET 'delivery.exactly-once' = 'position-inside';"

// TestTablesOfOneTransaction: no more go into a database than one transaction takes,
// and only position-inside needs that.
func TestTablesOfOneTransaction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tables   int
		settings string
		want     int
	}{{200, inside, 0}, {202, inside, 1}, {202, "", 0}} {
		_, findings := compile(tablesScript(c.tables, c.settings, ""))
		got := count(findings, CodeTooManyTables)
		if got != c.want || len(findings) != c.want {
			t.Errorf("%d tables %q: %d of %d findings, want %d", c.tables, c.settings, got, len(findings), c.want)
		}
	}
}

// TestTimesOfACatalogAreJudgedOnce for all tables that take them from it.
func TestTimesOfACatalogAreJudgedOnce(t *testing.T) {
	t.Parallel()
	_, findings := compile(tablesScript(3, "SET 'execution.checkpointing.interval' = '1 min';",
		", 'sink.properties.timeout' = '59', 'sink.properties.prepared_timeout' = '599'"))
	if len(findings) != 2 || count(findings, CodeTimeBudget) != 2 {
		t.Errorf("%+v", findings)
	}
	p, findings := compile(tablesScript(1, "SET 'execution.checkpointing.interval' = '1 min';",
		", 'sink.properties.timeout' = '60', 'sink.properties.prepared_timeout' = '600'"))
	if p == nil || len(findings) != 0 {
		t.Errorf("%+v", findings)
	}
}

// TestTransactionsStayOpenForAnEpoch looks at the times that are worked out.
func TestTransactionsStayOpenForAnEpoch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings       string
		interval, open time.Duration
		shown          string
	}{
		{"", 10 * time.Second, 610 * time.Second, "610"},
		{"SET 'execution.checkpointing.timeout' = '1 min';", 10 * time.Second, 600 * time.Second, "600"},
		{"SET 'execution.checkpointing.interval' = '100 ms';", 100 * time.Millisecond, 601 * time.Second, "601"},
		{"SET 'execution.checkpointing.interval' = '1 d'; SET 'execution.checkpointing.timeout' = '1 d';", 24 * time.Hour, 48 * time.Hour, "172800"},
		{inside + " SET 'execution.checkpointing.interval' = '1 h';", 200 * time.Second, 800 * time.Second, "800"},
	} {
		p, _ := compile(tablesScript(1, c.settings, ""))
		if p == nil {
			t.Errorf("%s: no plan", c.settings)
			continue
		}
		if got := p.Routes[0].Load.Timeout; p.Settings.CheckpointInterval != c.interval || got != c.open {
			t.Errorf("%s: every %s, open for %s; want %s and %s", c.settings, p.Settings.CheckpointInterval, got, c.interval, c.open)
		}
		i := slices.IndexFunc(p.Options, func(o OptionInForce) bool { return o.Key == load+"timeout" })
		if p.Options[i].Value != c.shown {
			t.Errorf("%s: %s is shown, want %s", c.settings, p.Options[i].Value, c.shown)
		}
	}
}

func count(findings []diag.Finding, code diag.Code) int {
	n := 0
	for _, f := range findings {
		if f.Code == code {
			n++
		}
	}
	return n
}
