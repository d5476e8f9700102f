package starrocks_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
)

func TestTablesAreEmptiedAndReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	source := tutorialTable()
	target, shadow := w.table("runoob_tbl"), w.table("runoob_tbl shadow`1")
	if _, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: target, Source: source, Properties: tutorialProperties}); err != nil {
		t.Fatal(err)
	}
	layout := layoutOf(source)
	ids := func(table change.Name) string {
		return strings.Join(w.read(t, fmt.Sprintf("SELECT runoob_id FROM %s.`%s` ORDER BY 1", table.Database, strings.ReplaceAll(table.Table, "`", "``"))), ",")
	}
	identity := func(table change.Name) string {
		id, err := c.Identity(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	load(t, c, target, layout, ferry.Upsert, rowsOf(5, "1", "a", "b", "<null>", "<null>"))
	for range 2 { // the second time there is one already, of an older schema
		if err := c.CreateShadow(t.Context(), shadow, target, source); err != nil {
			t.Fatal(err)
		}
		mine, err := c.Columns(t.Context(), shadow, source)
		if theirs, theirErr := c.Columns(t.Context(), target, source); err != nil || theirErr != nil || !reflect.DeepEqual(mine, theirs) {
			t.Fatal(mine, theirs, err, theirErr)
		}
		if got := ids(shadow); got != "" {
			t.Fatalf("the new table holds %s", got)
		}
		load(t, c, shadow, layout, ferry.Upsert, rowsOf(5, "2", "a", "b", "<null>", "<null>"))
		w.exec(t, "ALTER TABLE "+w.database+".`runoob_tbl shadow``1` ADD COLUMN stale INT NULL")
	}
	w.exec(t, "ALTER TABLE "+w.database+".`runoob_tbl shadow``1` DROP COLUMN stale")
	old, young := identity(target), identity(shadow)
	if old == "" || young == "" || old == young {
		t.Fatalf("identities %q and %q", old, young)
	}
	if err := c.Swap(t.Context(), target, shadow); err != nil {
		t.Fatal(err)
	}
	if identity(target) != young || identity(shadow) != old || ids(target) != "2" || ids(shadow) != "1" {
		t.Errorf("after the swap: %s %s, rows %s and %s", identity(target), identity(shadow), ids(target), ids(shadow))
	}
	load(t, c, target, layout, ferry.Upsert, rowsOf(5, "3", "a", "b", "<null>", "<null>"))
	for range 2 {
		if err := c.Drop(t.Context(), shadow); err != nil {
			t.Fatal(err)
		}
		if identity(shadow) != "" || ids(target) != "2,3" {
			t.Error("the old table is still there, or the new one is not")
		}
		if err := c.Truncate(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		if got := ids(target); got != "" {
			t.Errorf("%s is left", got)
		}
		load(t, c, target, layout, ferry.Upsert, rowsOf(5, "2", "a", "b", "<null>", "<null>", "3", "a", "b", "<null>", "<null>"))
	}
	if err := c.Swap(t.Context(), target, shadow); code(err) != starrocks.CodeNoTable {
		t.Error(err)
	}
	if err := c.CreateShadow(t.Context(), shadow, w.table("none"), source); code(err) != starrocks.CodeNoTable {
		t.Error(err)
	}
	// A source of another shape gets a table as it was declared.
	wider := *source
	wider.Columns = slices.Clone(source.Columns)
	wider.Columns[1].Type.Length = 999
	c.Declare(starrocks.TableSpec{Target: target, Source: source, Properties: tutorialProperties})
	if err := c.CreateShadow(t.Context(), shadow, target, &wider); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Columns(t.Context(), shadow, &wider); err != nil {
		t.Error(err)
	}
	if err := c.Truncate(t.Context(), w.table("none")); code(err) != starrocks.CodeNoTable {
		t.Error(err)
	}
	if err := c.Swap(t.Context(), target, change.Name{Database: "elsewhere", Table: "x"}); err == nil {
		t.Error("tables of two databases are swapped")
	}
}

// TestGrantsToReplaceTables: what a user needs more than a running table does is said
// once, and is enough.
func TestGrantsToReplaceTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := tutorialTable()
	target, shadow := w.table("t"), w.table("t_shadow")
	if _, err := w.client(t, w.admin).Prepare(t.Context(), starrocks.TableSpec{Target: target, Source: source, Properties: tutorialProperties}); err != nil {
		t.Fatal(err)
	}
	user := strings.ReplaceAll(w.database, "sf_test_", "g")
	w.exec(t, "CREATE USER '"+user+"' IDENTIFIED BY 'p'")
	t.Cleanup(func() { w.exec(t, "DROP USER '"+user+"'") })
	w.exec(t, fmt.Sprintf("GRANT SELECT, INSERT, ALTER ON TABLE %s.t TO USER '%s'@'%%'", w.database, user))
	config := w.admin
	config.User, config.Password = user, diag.NewSecret("p")
	c := w.client(t, config)
	grants := map[string]bool{}
	for _, do := range []func() error{
		func() error { return c.Truncate(t.Context(), target) },
		func() error { return c.CreateShadow(t.Context(), shadow, target, source) },
		func() error { return c.Swap(t.Context(), target, shadow) },
		func() error { return c.Drop(t.Context(), shadow) },
	} {
		for err := do(); err != nil; err = do() {
			p := diag.Find(err)
			if p == nil || p.Code != starrocks.CodePrivilege || grants[p.Fix] {
				t.Fatalf("%v %+v", err, p)
			}
			grants[p.Fix] = true
			w.exec(t, strings.TrimSuffix(p.Fix, ";"))
		}
	}
	if len(grants) != 2 { // CREATE TABLE, and all the rest
		t.Errorf("%d grants: %v", len(grants), grants)
	}
	if id, err := c.Identity(t.Context(), target); err != nil || id == "" {
		t.Error(id, err)
	}
}
