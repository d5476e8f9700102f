package ferry

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
)

func typed(base change.Base, length int) change.Type {
	t := change.Type{Base: base, Length: length}
	if t.IsText() {
		t.Charset = "utf8mb4"
	}
	return t
}

// policyCases are changes of one column from `id INT, a INT` and what each policy says.
type policyCase struct {
	name   string
	change func(*change.Column) // of a; nil when it is dropped
	added  *change.Column
	// What each does: "stop", "" for nothing, what it does at the target, "held".
	ctas, evolve, ignore string
}

var policyCases = []policyCase{
	{name: "renamed", change: func(c *change.Column) { c.Name, c.Was = "z", "a" }, evolve: "rename.column", ignore: "skip z"},
	{name: "dropped", evolve: "drop.column", ignore: ""},
	{name: "added", change: func(*change.Column) {}, added: &change.Column{Name: "b", Type: typed(change.Int, 0), Nullable: true}, ignore: "skip b"},
	{name: "added NOT NULL", change: func(*change.Column) {}, added: &change.Column{Name: "b", Type: typed(change.Int, 0)}, ctas: "stop", ignore: "skip b"},
	{name: "wider", change: func(c *change.Column) { c.Type.Base = change.BigInt }, ctas: "stop", evolve: "alter.column.type", ignore: "held"},
	{name: "text for a number", change: func(c *change.Column) { c.Type = typed(change.VarChar, 9) }, ctas: "stop", evolve: "alter.column.type, repair", ignore: "stop"},
	{name: "JSON for a number", change: func(c *change.Column) { c.Type = typed(change.JSON, 0) }, ctas: "stop", evolve: "alter.column.type, repair", ignore: "stop"},
	{name: "NOT NULL", change: func(c *change.Column) { c.Nullable = false }, ctas: "stop", evolve: "alter.column.nullability", ignore: "held"},
	{name: "a default", change: func(c *change.Column) { c.Default = new(string) }},
	{name: "a comment", change: func(c *change.Column) { c.Comment = "more" }, evolve: "alter.column.comment"},
}

// tables are the versions before and behind the change.
func (c *policyCase) tables() (old, new *change.Table) {
	old, new = schemaOf(idColumn, column("a", change.Int, true)), schemaOf(idColumn)
	if c.change != nil {
		a := old.Columns[1]
		c.change(&a)
		new.Columns = append(new.Columns, a)
	}
	if c.added != nil {
		new.Columns = append(new.Columns, *c.added)
	}
	return old, new
}

func (v *verdict) String() string {
	var did []string
	if len(v.refused) > 0 {
		return "stop"
	}
	for _, r := range v.reshape {
		did = append(did, r.Kind.String())
	}
	for _, name := range v.skipped {
		did = append(did, "skip "+name)
	}
	if len(v.held) > 0 {
		did = append(did, "held")
	}
	if len(v.repair) > 0 {
		did = append(did, "repair")
	}
	return strings.Join(did, ", ")
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	for _, c := range policyCases {
		old, new := c.tables()
		changes := schemaChanges(old, new)
		if len(changes) != 1 {
			t.Errorf("%s: %d changes", c.name, len(changes))
			continue
		}
		kind := changes[0].kind.String()
		for _, one := range []struct {
			policy SchemaPolicy
			want   string
		}{
			{SchemaPolicy{Behavior: CTAS}, c.ctas}, {SchemaPolicy{Behavior: Immediate}, c.ctas}, {SchemaPolicy{Behavior: Evolve}, c.evolve},
			{SchemaPolicy{Behavior: Ignore}, c.ignore}, {SchemaPolicy{Behavior: Exception}, "stop"},
			{SchemaPolicy{Behavior: Evolve, Ignored: []string{kind}}, c.ignore}, {SchemaPolicy{Behavior: Exception, Ignored: []string{kind}}, c.ignore},
			{SchemaPolicy{Behavior: CTAS, Ignored: []string{"truncate.table"}}, c.ctas},
		} {
			v := one.policy.judge(changes)
			if got := v.String(); got != one.want {
				t.Errorf("%s, %v without %v: %q, want %q", c.name, one.policy.Behavior, one.policy.Ignored, got, one.want)
			}
		}
	}
}

// A key is never changed at the target, whatever the policy.
func TestNoPolicyTouchesAKey(t *testing.T) {
	t.Parallel()
	old := schemaOf(column("k", change.Int, false), column("a", change.Int, true))
	renamed := schemaOf(change.Column{Name: "z", Was: "k", Type: typed(change.Int, 0)}, column("a", change.Int, true))
	other := &change.Table{Key: []int{0, 1}, Columns: old.Columns}
	wider := schemaOf(column("k", change.BigInt, false), column("a", change.Int, true))
	for i, new := range []*change.Table{renamed, other, wider} {
		for b := CTAS; b <= Exception; b++ {
			p := SchemaPolicy{Behavior: b, Ignored: schemaKinds[:]}
			if v := p.judge(schemaChanges(old, new)); v.String() != "stop" {
				t.Errorf("%d, %v: %q", i, b, v.String())
			}
		}
	}
}

// What is ignored stays as it was at the target, also behind a restart and under the
// next change.
func TestIgnoredChangesAreHeld(t *testing.T) {
	t.Parallel()
	old := schemaOf(idColumn, column("a", change.Int, true), column("k", change.VarChar, false))
	old.Key = []int{0, 2}
	new := schemaOf(column("b", change.Int, true), idColumn, column("a", change.BigInt, false), column("k", change.VarChar, false))
	new.Key = []int{1, 3}
	p := SchemaPolicy{Behavior: Ignore}
	v := p.judge(schemaChanges(old, new))
	held := v.holding(new)
	if len(held.Columns) != 4 || held.Columns[2].Type.Base != change.Int || !held.Columns[2].Nullable || !slices.Equal(held.KeyNames(), []string{"id", "k"}) {
		t.Errorf("%+v", held)
	}
	target := []TargetColumn{{Name: "id", Key: true}, {Name: "a", Nullable: true}, {Name: "k", Key: true}}
	missing, refused := fit(held, target, p.appends())
	if missing = p.withoutIgnored(missing, &v, old); len(missing)+len(refused) > 0 {
		t.Errorf("missing %v, refused %q", missing, refused)
	}
	// Behind a restart, when the next change comes, and under another policy then.
	for _, p := range []SchemaPolicy{p, {Behavior: Evolve, Ignored: []string{"add.column", "alter.column.type", "alter.column.nullability"}}} {
		again := p.judge(schemaChanges(held, new))
		if fmt.Sprint(again.holding(new)) != fmt.Sprint(held) {
			t.Errorf("again %+v, was %+v", again.holding(new), held)
		}
		missing, _ := fit(again.holding(new), target, p.appends())
		if missing = p.withoutIgnored(missing, &again, held); len(missing) > 0 {
			t.Errorf("later %v", missing)
		}
	}
}

// A column that is renamed under a policy that ignores it does not come as a new one later.
func TestIgnoredNamesStayIgnored(t *testing.T) {
	t.Parallel()
	p := SchemaPolicy{Behavior: Evolve, Ignored: []string{"rename.column"}}
	old := schemaOf(idColumn, column("b", change.Int, true))
	renamed := schemaOf(idColumn, change.Column{Name: "z", Was: "b", Type: typed(change.Int, 0), Nullable: true})
	later := schemaOf(idColumn, column("z", change.Int, true), column("n", change.Int, true))
	target := []TargetColumn{{Name: "id", Key: true}, {Name: "b", Nullable: true}}
	for _, step := range []struct {
		from, to *change.Table
		want     string
	}{{old, renamed, ""}, {renamed, renamed, ""}, {renamed, later, "n"}} {
		v := p.judge(schemaChanges(step.from, step.to))
		missing, _ := fit(v.holding(step.to), target, p.appends())
		got := ""
		for _, c := range p.withoutIgnored(missing, &v, step.from) {
			got += c.Name
		}
		if got != step.want {
			t.Errorf("appends %q, want %q", got, step.want)
		}
	}
}

// Only who ignores columns that come is without those that came before: another kind that is
// ignored leaves out none.
func TestOtherIgnoredKindsLeaveNoColumnOut(t *testing.T) {
	t.Parallel()
	seen := schemaOf(idColumn, column("a", change.Int, true))
	for kind, left := range map[string]int{"truncate.table": 1, "alter.column.comment": 1, "add.column": 0, "rename.column": 0} {
		p := SchemaPolicy{Ignored: []string{kind}}
		if missing := p.withoutIgnored([]change.Column{seen.Columns[1]}, &verdict{}, seen); len(missing) != left {
			t.Errorf("without %s: %d columns are missing", kind, len(missing))
		}
	}
}

func TestValuesThatKeepTheirText(t *testing.T) {
	t.Parallel()
	unsigned := change.Type{Base: change.Int, Unsigned: true}
	members := func(m ...string) change.Type {
		return change.Type{Base: change.Enum, Charset: "utf8mb4", Members: m}
	}
	latin := typed(change.VarChar, 9)
	latin.Charset = "latin1"
	decimal := func(p, s int) change.Type { return change.Type{Base: change.Decimal, Precision: p, Scale: s} }
	for _, c := range []struct {
		from, to    change.Type
		there, back bool
	}{
		{typed(change.Int, 0), typed(change.BigInt, 0), true, false},
		{unsigned, typed(change.BigInt, 0), true, false},
		{typed(change.Int, 0), unsigned, false, false},
		{typed(change.VarChar, 9), typed(change.VarChar, 10), true, false},
		{typed(change.VarChar, 9), typed(change.Text, 0), true, false},
		{typed(change.VarChar, 99), typed(change.TinyText, 0), false, false},
		{typed(change.Char, 9), typed(change.VarChar, 9), true, false},
		{latin, typed(change.VarChar, 9), true, false},
		{decimal(10, 2), decimal(12, 2), true, false},
		{decimal(10, 2), decimal(12, 3), false, false},
		{members("a", "b"), members("a", "b", "c"), true, false},
		{members("a", "b"), members("b", "a", "c"), false, false},
		{typed(change.Float, 0), typed(change.Double, 0), false, false},
		{typed(change.Timestamp, 0), typed(change.DateTime, 0), false, false},
		{typed(change.Date, 0), typed(change.DateTime, 0), false, false},
		{typed(change.Binary, 3), typed(change.VarBinary, 3), false, false},
	} {
		if keepsText(c.from, c.to) != c.there || keepsText(c.to, c.from) != c.back {
			t.Errorf("%v to %v: %t, back %t", c.from, c.to, keepsText(c.from, c.to), keepsText(c.to, c.from))
		}
	}
}

// TestAnotherTreatmentIsSaid: at the source the types are the same.
func TestAnotherTreatmentIsSaid(t *testing.T) {
	t.Parallel()
	for want, types := range map[string][2]change.Type{
		"from timestamp to timestamp (in Europe/Berlin to in UTC)":                          {{Base: change.Timestamp, Zone: "Europe/Berlin"}, {Base: change.Timestamp}},
		"from timestamp to timestamp(3) (in UTC to in Asia/Tokyo, with zero dates rounded)": {{Base: change.Timestamp}, {Base: change.Timestamp, Fraction: 3, Zone: "Asia/Tokyo", ZeroDates: change.RoundZeroDates}},
		"from date to date (as it is to with zero dates as NULL)":                           {{Base: change.Date}, {Base: change.Date, ZeroDates: change.NullZeroDates}},
		"from tinyint(1) to tinyint(1) (as BOOLEAN to as a number)":                         {{Base: change.Boolean}, {Base: change.TinyInt, Length: 1}},
		"from int to timestamp":          {{Base: change.Int}, {Base: change.Timestamp, Zone: "Europe/Berlin"}},
		"from timestamp to timestamp(6)": {{Base: change.Timestamp, Zone: "Europe/Berlin"}, {Base: change.Timestamp, Fraction: 6, Zone: "Europe/Berlin"}},
	} {
		changes := columnChanges(&change.Column{Name: "a", Type: types[0]}, &change.Column{Name: "a", Type: types[1]}, false)
		if len(changes) != 1 || changes[0].says != "column `a` changed its type "+want {
			t.Errorf("%+v, want %s", changes, want)
		}
	}
}

// TestWhatABroadenedTargetHolds is let through, and everything else stops the table.
func TestWhatABroadenedTargetHolds(t *testing.T) {
	t.Parallel()
	decimal := func(digits int) change.Type {
		return change.Type{Base: change.Decimal, Precision: digits, Scale: 2}
	}
	unsigned := func(base change.Base) change.Type { return change.Type{Base: base, Unsigned: true} }
	for _, c := range []struct {
		from, to     change.Type
		plain, inKey bool
	}{
		{typed(change.Int, 0), typed(change.BigInt, 0), true, true},
		{unsigned(change.Int), unsigned(change.BigInt), true, true},
		{decimal(10), decimal(38), true, false},
		{decimal(10), decimal(40), false, false},
		{typed(change.Bit, 2), typed(change.Bit, 64), true, true},
		{typed(change.Bit, 1), typed(change.Bit, 8), false, false},
		{typed(change.VarChar, 9), typed(change.VarChar, 10), true, false},
		{typed(change.VarBinary, 9), typed(change.VarBinary, 10), true, false},
		{change.Type{Base: change.DateTime}, change.Type{Base: change.DateTime, Fraction: 6}, true, true},
	} {
		for _, behavior := range []SchemaBehavior{CTAS, Immediate, Evolve} {
			p := SchemaPolicy{Behavior: behavior, Broadened: true}
			for key, held := range map[bool]bool{false: c.plain, true: c.inKey} {
				v := p.judge([]schemaChange{{kind: AlterType, from: &change.Column{Type: c.from}, to: &change.Column{Type: c.to}, key: key, says: "it"}})
				if refused := len(v.refused) > 0; refused == held && (behavior != Evolve || key) {
					t.Errorf("%s: %s to %s, key %t: refused %t", behavior, c.from, c.to, key, refused)
				}
			}
		}
	}
}

// A charset is only spoken of where there was another.
func TestTypeChangesInWords(t *testing.T) {
	t.Parallel()
	latin := typed(change.VarChar, 9)
	latin.Charset = "latin1"
	for _, c := range []struct {
		from, to change.Type
		says     string
	}{
		{typed(change.Int, 0), typed(change.VarChar, 9), "column `a` changed its type from int to varchar(9)"},
		{latin, typed(change.VarChar, 9), "column `a` changed its type from varchar(9) to varchar(9) (charset latin1 to utf8mb4)"},
	} {
		changes := columnChanges(&change.Column{Name: "a", Type: c.from}, &change.Column{Name: "a", Type: c.to}, false)
		if len(changes) != 1 || changes[0].says != c.says {
			t.Errorf("%+v, want %s", changes, c.says)
		}
	}
}
