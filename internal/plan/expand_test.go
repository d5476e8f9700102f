package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
)

const ends = `CREATE CATALOG my WITH ('type'='mysql', 'hostname'='db1', 'username'='u');
CREATE CATALOG sr WITH ('type'='starrocks', 'endpoint'='fe1:9030', 'load-url'='fe1:8030', 'username'='u', 'dbname'='ods');
USE CATALOG sr;
`

func namesOf(text string) (names []change.Name) {
	for _, one := range strings.Fields(text) {
		database, table, _ := strings.Cut(one, ".")
		names = append(names, change.Name{Database: database, Table: table})
	}
	return names
}

const simple = `'starrocks.create.table.properties'='buckets 2', 'starrocks.create.table.mode'='simple'`

// mustCompile compiles statements that mean simple mode.
func mustCompile(t testing.TB, text string) *Plan {
	t.Helper()
	text = regexp.MustCompile(`(?i)(CREATE (?:TABLE|DATABASE) IF NOT EXISTS \S+) AS `).ReplaceAllString(text, "$1 WITH ("+simple+") AS ")
	text = regexp.MustCompile(`(EXISTS \S+ WITH \()('sink)`).ReplaceAllString(text, "$1"+simple+", $2")
	p, findings := compile(text)
	if p == nil {
		t.Fatalf("%s\n%v", text, findings)
	}
	return p
}

// resolved is what a plan makes of tables, in one line, and its findings, one a line.
func resolved(p *Plan, tables []change.Name, fold bool) (routes, findings string) {
	found, said := p.Resolve(tables, namesOf("shop.v_sales shop.v_items"), fold)
	for _, r := range found {
		merged := ""
		if r.Merged {
			merged = "+"
		}
		routes += fmt.Sprintf(" %s>%s%s", r.Source, r.Target, merged)
	}
	var lines []string
	for _, f := range said {
		at := f.File.Text[f.Span.Start:f.Span.End]
		lines = append(lines, fmt.Sprintf("%s %s at %s: %s", f.Severity, f.Code, at, f.Message))
	}
	return strings.TrimSpace(routes), strings.Join(lines, "\n")
}

func TestSelectionsFindTheirTables(t *testing.T) {
	t.Parallel()
	tables := namesOf("shop.web_sales shop.item shop.Item2 shop.old_bak shop.a$b shop.a.b shop._item_gho shop._item_new shop.__item_old shop.#sql-1_2 shop2.item SHOP3.item mysql.user sys.x")
	for _, c := range []struct{ statement, fold, exact string }{
		{"AS DATABASE my.shop", "shop.Item2>d.Item2 shop.a$b>d.a$b shop.a.b>d.a.b shop.item>d.item shop.old_bak>d.old_bak shop.web_sales>d.web_sales", ""},
		{"AS DATABASE my.shop INCLUDING ALL TABLES EXCLUDING TABLE 'item.*', '.*_bak|a.*'", "shop.web_sales>d.web_sales", "shop.Item2>d.Item2 shop.web_sales>d.web_sales"},
		{"AS DATABASE my.shop INCLUDING TABLE 'item', 'web_sales', 'a$b'", "shop.a$b>d.a$b shop.item>d.item shop.web_sales>d.web_sales", ""},
		{"AS DATABASE my.shop INCLUDING TABLE 'web.*|item'", "shop.item>d.item shop.web_sales>d.web_sales", ""},
		{"AS DATABASE my.shop INCLUDING TABLE 'item.+'", "shop.Item2>d.Item2", "-"},
		{"AS DATABASE my.shop INCLUDING TABLE '_item_gho', '_item_n.*|item'", "shop._item_gho>d._item_gho shop.item>d.item", ""},
		{"AS DATABASE my.shop INCLUDING TABLE '^item$', 'tem', 'em|ite'", "shop.item>d.item", ""},
		{"AS DATABASE my.shop3", "SHOP3.item>d.item", "-"},
		{"AS DATABASE my.mysql", "-", ""},
	} {
		p := mustCompile(t, ends+"CREATE DATABASE IF NOT EXISTS d "+c.statement+";")
		for _, fold := range []bool{true, false} {
			want := c.fold
			if !fold && c.exact != "" {
				want = c.exact
			}
			routes, findings := resolved(p, tables, fold)
			if routes != strings.TrimPrefix(want, "-") {
				t.Errorf("%s (fold %v):\n got %s\nwant %s\n%s", c.statement, fold, routes, want, findings)
			}
			reversed := slices.Clone(tables)
			slices.Reverse(reversed)
			if again, same := resolved(p, append(reversed, tables...), fold); again != routes || same != findings {
				t.Errorf("%s: in another order %s", c.statement, again)
			}
			for _, r := range p.RoutesOf(namesOf("shop.item")[0], fold) {
				if !strings.Contains(routes, r.Source.String()+">"+r.Target.String()) {
					t.Errorf("%s: a table that comes later goes to %s", c.statement, r.Target)
				}
			}
		}
	}
}

func TestResolveSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tables := namesOf("shop.item shop.items shop.order_bak other.item other." + strings.Repeat("x", 1025))
	for _, c := range []struct{ statements, routes, findings string }{
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'item', 'itemz';", "shop.item>d.item", "warning SF2024 at 'itemz': 'itemz' matches no table"},
		{"SET 'table.cdas.scan.newly-added-table.enabled'='false'; CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'x.*' EXCLUDING TABLE 'yy';", "",
			"error SF2024 at 'x.*': 'x.*' matches no table\nwarning SF2024 at 'yy': 'yy' excludes no table"},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'order.*', 'items' EXCLUDING TABLE '.*_bak';", "shop.items>d.items", "warning SF2024 at 'order.*': 'order.*' matches no table that is not excluded"},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'item', 'v_sales';", "shop.item>d.item",
			"error SF2024 at 'v_sales': 'v_sales' is a view: views have no rows of their own in the binary log, so nothing tells when what they show changes"},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'item', 'v_.*';", "shop.item>d.item",
			"warning SF2024 at 'v_.*': 'v_.*' matches views only: views have no rows of their own in the binary log, so nothing tells when what they show changes"},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop EXCLUDING TABLE '.*';", "", "warning SF2024 at shop: the statement selects no table"},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shpo;", "", "error SF2024 at shpo: no database 'shpo' with tables is at the source, or none that this user may read"},
		{"CREATE TABLE IF NOT EXISTS d.item AS TABLE my.shop.items; CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'item';", "shop.items>d.item",
			"error SF2017 at CREATE: target table d.item is filled from shop.items already, by the statement on line 5: shop.item cannot go there too"},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'item.*';CREATE DATABASE IF NOT EXISTS d AS DATABASE my.other INCLUDING TABLE 'item';CREATE DATABASE IF NOT EXISTS e AS DATABASE my.other INCLUDING TABLE 'item';",
			"shop.item>d.item shop.items>d.items other.item>e.item", "error SF2017 at CREATE: target table d.item is filled from shop.item already, by the statement on line 5: other.item cannot go there too"},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.other;", "other.item>d.item", "error SF2025 at CREATE: StarRocks has no table names like that of other." + strings.Repeat("x", 1025)},
		{"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.`shop|other` INCLUDING TABLE 'item.*';", "other.item>d.item+ shop.item>d.item+ shop.items>d.items+", ""},
		{"CREATE TABLE IF NOT EXISTS t AS TABLE my.shop.`item.*`;", "shop.item>ods.t+ shop.items>ods.t+", ""},
	} {
		p := mustCompile(t, ends+"\n"+c.statements)
		routes, findings := resolved(p, tables, false)
		if routes != c.routes || findings != c.findings {
			t.Errorf("%s\n got %s\nwant %s\n got %s\nwant %s", c.statements, routes, c.routes, findings, c.findings)
		}
	}
}

// What nothing matches was perhaps meant otherwise.
func TestNamesThatWereMeant(t *testing.T) {
	t.Parallel()
	tables := namesOf("shop.order_1 shop.order_2 shop.items shard_1.users shard_2.users")
	for statement, fix := range map[string]string{
		"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shpo;":                                  "did you mean shop?",
		"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.`shard_*`;":                             "did you mean `shard_.*`?",
		"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'order_*';":        "did you mean 'order_.*'?",
		"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'item';":           "did you mean 'items'?",
		"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop INCLUDING TABLE 'x.*';":            "look at the name",
		"CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop RENAME TABLE 'order_.*' TO 'all';": "have RENAME TABLE give them names of their own",
	} {
		_, said := mustCompile(t, ends+statement).Resolve(tables, nil, false)
		if len(said) != 1 || !strings.HasPrefix(said[0].Fix, fix) {
			t.Errorf("%s\n%v", statement, said)
		}
	}
}

// TestManyTablesInsideOnePosition holds the number of tables of one transaction.
func TestManyTablesInsideOnePosition(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, "SET 'delivery.exactly-once'='position-inside';"+ends+
		"CREATE DATABASE IF NOT EXISTS d WITH ('sink.semantic'='exactly-once') AS DATABASE my.shop;CREATE DATABASE IF NOT EXISTS e WITH ('sink.semantic'='exactly-once') AS DATABASE my.shop;")
	for _, many := range []int{200, 201} {
		var tables []change.Name
		for i := range many {
			tables = append(tables, change.Name{Database: "shop", Table: fmt.Sprintf("t%d", i)})
		}
		_, findings := p.Resolve(tables, nil, false)
		if want := 2 * (many - 200); len(findings) != want || len(findings) > 0 && findings[0].Code != CodeTooManyTables {
			t.Errorf("%d tables: %v", many, findings)
		}
	}
}

// TestEveryRouteOfASelectionIsItsTemplate compares all that a route is made of.
func TestEveryRouteOfASelectionIsItsTemplate(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, ends+`SET 'on-bad-row'='dead-letter'; SET 'schema.change.behavior'='ignore';
CREATE DATABASE IF NOT EXISTS d WITH ('sink.buffer-flush.interval-ms'='1000', 'sink.properties.column_separator'='\x01') AS DATABASE my.shop;`)
	routes, findings := p.Resolve(namesOf("shop.a shop.b"), nil, false)
	if len(routes) != 2 || len(findings) > 0 {
		t.Fatal(routes, findings)
	}
	for _, r := range routes {
		if r.OnBadRow != "dead-letter" || r.Schema.Behavior != "ignore" || r.Flush.Interval.Seconds() != 1 || r.Mode != Simple || r.Properties != "buckets 2" || r.Load.ColumnSeparator != `\x01` {
			t.Errorf("%+v", r)
		}
	}
	if diag.HasErrors(Runnable(p, &diag.File{})) {
		t.Error("not runnable")
	}
}

func TestTargetsOfADatabaseAreRenamed(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, ends+`CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop EXCLUDING TABLE 'c' RENAME TABLE 'web_(.*)' TO 'ods_$1_x', '(a)(b?)' TO '$2$1', 'z' TO 'y';`)
	routes, said := resolved(p, namesOf("shop.web_sales shop.ab shop.a shop.c shop.other"), false)
	if want := "shop.a>d.a shop.ab>d.ba shop.other>d.other shop.web_sales>d.ods_sales_x"; routes != want || said != "" {
		t.Errorf("%s\n%s, want %s", routes, said, want)
	}
	// Two tables of one name are refused, as everywhere.
	p = mustCompile(t, ends+`CREATE DATABASE IF NOT EXISTS d AS DATABASE my.shop RENAME TABLE '.*' TO 'all';`)
	if _, said = resolved(p, namesOf("shop.a shop.b"), false); !strings.Contains(said, string(CodeTargetTwice)) {
		t.Errorf("%q", said)
	}
	for to, says := range map[string]string{"ods_$2": "has no such group", "ods_$": "has $", "ods_$${x}": "has ${x}", "": "not empty"} {
		if _, findings := compile(ends + "CREATE DATABASE IF NOT EXISTS d WITH (" + simple + ") AS DATABASE my.shop RENAME TABLE '(.*)' TO '" + to + "';"); !strings.Contains(fmt.Sprint(findings), says) {
			t.Errorf("%s: %v", to, findings)
		}
	}
}
