package deploy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/plan"
)

var (
	orders    = change.Name{Database: "shop", Table: "orders"}
	stock     = change.Name{Database: "shop", Table: "stock"}
	here      = change.Name{Database: "here", Table: "orders"}
	there     = change.Name{Database: "there", Table: "stock"}
	twoRoutes = []plan.Route{{Source: orders, Target: here}, {Source: stock, Target: there}}
	columns   = []change.Column{{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "v", Type: change.Type{Base: change.Int}}}
	schemas   = map[change.Name]*change.Table{orders: {Name: orders, Columns: columns, Key: []int{0}}, stock: {Name: stock, Columns: columns, Key: []int{0}}}
	reversed  = &change.Table{Columns: []change.Column{columns[1], columns[0]}, Key: []int{1}}
)

func labelOf(database string, epoch uint64) checkpoint.Label {
	return checkpoint.Label{Table: change.Name{Database: database}, Label: fmt.Sprintf("sf_dep_inc_%d_%s", epoch, database)}
}

func placeAt(epoch uint64) change.Position {
	return change.Position{File: "log.000001", Offset: epoch * 100}
}

// rowOf is the row of a database whose epoch had transactions of these databases.
func rowOf(database string, epoch uint64, with ...string) positionRow {
	place := ferry.Place{
		Name: "orders", Label: labelOf(database, epoch).Label, Position: placeAt(epoch), Server: "s", Before: placeAt(epoch - 1), BeforeServer: "s",
		Tables: []ferry.PlaceTable{{Source: orders, Target: here, Copied: true, Shape: ferry.Shape(schemas[orders])}, {Source: stock, Target: there, Copied: true, Shape: ferry.Shape(schemas[stock])}},
	}
	for _, name := range with {
		place.Labels = append(place.Labels, labelOf(name, epoch))
	}
	text, err := json.Marshal(place)
	if err != nil {
		panic(err)
	}
	return readRow(database, ferry.LedgerEntry{Deployment: "dep", Incarnation: "inc", Epoch: epoch, State: string(text)})
}

func (row positionRow) as(deployment string) positionRow {
	row.entry.Deployment = deployment
	return row
}

// changed is a row with another place.
func (row positionRow) changed(change func(*ferry.Place)) positionRow {
	change(&row.place)
	return row
}

func codeOf(err error) diag.Code {
	if p := diag.Find(err); p != nil {
		return p.Code
	}
	return ""
}

func TestWhichRowsAreTheDeployments(t *testing.T) {
	t.Parallel()
	other := rowOf("here", 9, "here").as("zzz").changed(func(p *ferry.Place) { p.Name = "others" })
	for title, test := range map[string]struct {
		rows   positionRows
		byName bool
		want   string // deployment and databases
		code   diag.Code
	}{
		"none":                                  {byName: true},
		"of another name":                       {rows: positionRows{other}, byName: true},
		"by the name":                           {rows: positionRows{rowOf("here", 1), rowOf("there", 2), other}, byName: true, want: "dep here there"},
		"the name is not enough":                {rows: positionRows{rowOf("here", 1)}},
		"by the identity":                       {rows: positionRows{rowOf("here", 1), rowOf("there", 1).as("mine")}, want: "mine there"},
		"by the identity, whatever it is named": {rows: positionRows{other.as("mine")}, want: "mine here"},
		"by the identity first":                 {rows: positionRows{rowOf("here", 1), rowOf("there", 1).as("mine")}, byName: true, want: "mine there"},
		"several of the name":                   {rows: positionRows{rowOf("here", 1), rowOf("there", 1).as("more")}, byName: true, code: codeManyRows},
		"one that cannot be read":               {rows: positionRows{readRow("here", ferry.LedgerEntry{Deployment: "dep", State: "?"})}, byName: true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			chosen, err := test.rows.choose("orders", "mine", test.byName)
			var got []string
			for _, row := range chosen {
				if len(got) == 0 {
					got = append(got, row.entry.Deployment)
				}
				got = append(got, row.database)
			}
			if strings.Join(got, " ") != test.want || codeOf(err) != test.code {
				t.Errorf("%q, %v", got, err)
			}
			if p := diag.Find(err); p != nil && (!strings.Contains(p.Fix, `DELETE FROM here._starferry_position WHERE deployment = "dep";`) || !strings.Contains(p.Fix, `"more"`)) {
				t.Error(p.Fix)
			}
		})
	}
}

func TestWhichStateDirectoryIsBehind(t *testing.T) {
	t.Parallel()
	at := func(epoch uint64, labels ...checkpoint.Label) *checkpoint.Checkpoint {
		return &checkpoint.Checkpoint{Epoch: epoch, Prepared: labels}
	}
	row := rowOf("here", 5, "here")
	for title, test := range map[string]struct {
		recovery checkpoint.Recovery
		behind   bool
	}{
		"as new":                      {recovery: checkpoint.Recovery{Settled: at(5, labelOf("here", 5))}},
		"newer":                       {recovery: checkpoint.Recovery{Settled: at(6)}},
		"as new, unsettled":           {recovery: checkpoint.Recovery{Settled: at(4), Unsettled: at(5, labelOf("here", 5))}},
		"as new, void":                {recovery: checkpoint.Recovery{Settled: at(4), Void: []*checkpoint.Checkpoint{at(5, labelOf("here", 5))}}},
		"older":                       {recovery: checkpoint.Recovery{Settled: at(4)}, behind: true},
		"older, unsettled":            {recovery: checkpoint.Recovery{Settled: at(3), Unsettled: at(4)}, behind: true},
		"the newest damaged":          {recovery: checkpoint.Recovery{Settled: at(4), FloorUnknown: true}},
		"of another process":          {recovery: checkpoint.Recovery{Settled: at(5, labelOf("here", 4))}, behind: true},
		"one that is made of the row": {recovery: checkpoint.Recovery{Settled: at(5)}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			err := positionRows{row}.beyond(&test.recovery)
			if (err != nil) != test.behind {
				t.Fatal(err)
			}
			if p := diag.Find(err); p != nil && (!strings.Contains(p.Fix, "--from-position-row") || !strings.Contains(p.Fix, "DELETE FROM here._starferry_position")) {
				t.Error(p.Fix)
			}
		})
	}
}

func TestWhatTheRowsMake(t *testing.T) {
	t.Parallel()
	stopped := &checkpoint.Stop{Code: "SF4301", Reason: "why"}
	for title, test := range map[string]struct {
		rows      positionRows
		now       map[change.Name]*change.Table
		settled   uint64 // place
		unsettled uint64
		tables    string
		code      diag.Code
	}{
		"one database": {rows: positionRows{rowOf("here", 5, "here")}, settled: 5, tables: "orders done, stock done"},
		// Its row is old because it had nothing to say.
		"one is quiet":      {rows: positionRows{rowOf("here", 500, "here"), rowOf("there", 2, "here", "there")}, settled: 500, tables: "orders done, stock done"},
		"both at one":       {rows: positionRows{rowOf("here", 5, "here", "there"), rowOf("there", 5, "here", "there")}, settled: 5, tables: "orders done, stock done"},
		"one lacks it":      {rows: positionRows{rowOf("here", 5, "here", "there"), rowOf("there", 2, "there")}, settled: 4, unsettled: 5, tables: "orders done, stock done"},
		"one has nothing":   {rows: positionRows{rowOf("there", 5, "here", "there")}, settled: 4, unsettled: 5, tables: "orders copying, stock done"},
		"one was in a copy": {rows: positionRows{rowOf("here", 5, "here", "there"), rowOf("there", 2, "there").changed(func(p *ferry.Place) { p.Tables = nil })}, settled: 4, unsettled: 5, tables: "orders done, stock copying"},
		"not of the script": {rows: positionRows{rowOf("here", 5, "here", "elsewhere")}, settled: 5, tables: "orders done, stock done"},
		"in the copy":       {rows: positionRows{rowOf("here", 5, "here").changed(func(p *ferry.Place) { p.Tables[0].Copied, p.Tables[0].Wipe = false, true })}, settled: 5, tables: "orders wiping, stock done"},
		"never followed":    {rows: positionRows{rowOf("here", 5, "here").changed(func(p *ferry.Place) { p.Tables = p.Tables[:1] })}, settled: 5, tables: "orders done"},
		"stopped":           {rows: positionRows{rowOf("here", 5, "here").changed(func(p *ferry.Place) { p.Tables[1].Stopped = stopped })}, settled: 5, tables: "orders done, stock SF4301"},
		"dropped":           {rows: positionRows{rowOf("here", 5, "here").changed(func(p *ferry.Place) { p.Tables[1].Shape = "" })}, now: map[change.Name]*change.Table{orders: schemas[orders]}, settled: 5, tables: "orders done, stock gone"},
		"in a repair":       {rows: positionRows{rowOf("here", 5, "here").changed(func(p *ferry.Place) { p.Tables[1].Mend = "why" })}, settled: 5, tables: "orders done, stock mending why"},
		"gone since":        {rows: positionRows{rowOf("here", 5, "here").changed(func(p *ferry.Place) { p.Tables[1].Copied = false })}, now: map[change.Name]*change.Table{orders: schemas[orders]}, settled: 5, tables: "orders done, stock gone"},
		"gone, and behind":  {rows: positionRows{rowOf("here", 5, "here", "there")}, now: map[change.Name]*change.Table{orders: schemas[orders]}, settled: 4, unsettled: 5, tables: "orders done, stock gone"},
		"gone in a copy":    {rows: positionRows{rowOf("here", 5, "here", "there").changed(func(p *ferry.Place) { p.Tables[1].Shape = "" }), rowOf("there", 2, "there").changed(func(p *ferry.Place) { p.Tables[1].Copied = false })}, now: map[change.Name]*change.Table{orders: schemas[orders]}, settled: 4, unsettled: 5, tables: "orders done, stock gone"},
		"of other columns":  {rows: positionRows{rowOf("here", 5, "here")}, now: map[change.Name]*change.Table{orders: schemas[orders], stock: reversed}, settled: 5, tables: "orders done, stock SF7057"},
		"all of others":     {rows: positionRows{rowOf("here", 5, "here")}, now: map[change.Name]*change.Table{orders: reversed, stock: reversed}, code: codeReshaped},
		"of others before":  {rows: positionRows{rowOf("here", 5, "here", "there").changed(func(p *ferry.Place) { p.Tables[0].ShapeBefore = ferry.Shape(reversed) }), rowOf("there", 2)}, settled: 4, unsettled: 5, tables: "orders SF7057, stock done"},
		"of others then":    {rows: positionRows{rowOf("here", 5, "here").changed(func(p *ferry.Place) { p.Tables[0].ShapeBefore = ferry.Shape(reversed) })}, settled: 5, tables: "orders done, stock done"},
		"of two processes":  {rows: positionRows{rowOf("here", 5, "here"), func() positionRow { r := rowOf("there", 5, "there"); r.entry.Incarnation = "x"; return r }()}, code: "SF5013"},
		"that nobody reads": {rows: positionRows{readRow("here", ferry.LedgerEntry{Deployment: "dep", Epoch: 3, State: "?"})}, code: "SF4014"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			now := test.now
			if now == nil {
				now = schemas
			}
			var settled, unsettled *checkpoint.Checkpoint
			newest, err := test.rows.newest()
			if err == nil {
				settled, unsettled, err = test.rows.checkpoints(twoRoutes, newest, now)
			}
			if codeOf(err) != test.code || (err == nil) != (test.code == "") {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			if settled.Position != placeAt(test.settled) || !settled.Exact || settled.Server != "s" || (unsettled != nil) != (test.unsettled != 0) {
				t.Fatalf("%+v %+v", settled, unsettled)
			}
			if unsettled != nil && (unsettled.Position != placeAt(test.unsettled) || unsettled.Epoch != newest.entry.Epoch || settled.Epoch >= unsettled.Epoch || len(unsettled.Prepared) != 2) {
				t.Errorf("%+v", unsettled)
			}
			if got := described(settled.Tables); got != test.tables {
				t.Errorf("%s, want %s", got, test.tables)
			}
		})
	}
}

func described(tables []checkpoint.TableState) string {
	var all []string
	for i := range tables {
		s := &tables[i]
		what := "copying"
		switch {
		case s.Stopped != nil:
			what = s.Stopped.Code
		case s.Copy.Wipe:
			what = "wiping"
		case s.Copy.Done && s.Table == nil:
			what = "gone"
		case s.Check != nil && s.Check.Repair:
			what = "mending " + s.Check.Reason
		case s.Copy.Done:
			what = "done"
		}
		all = append(all, s.Name.Table+" "+what)
	}
	return strings.Join(all, ", ")
}
