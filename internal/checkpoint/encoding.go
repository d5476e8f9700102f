package checkpoint

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"starferry/internal/change"
)

// text is a string of any bytes: JSON alone would replace those that are not UTF-8.
type text string

type bytesAsJSON struct {
	Base64 []byte `json:"base64"`
}

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(bytesAsJSON{[]byte(t)})
}

func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var raw bytesAsJSON
		err := json.Unmarshal(b, &raw)
		*t = text(raw.Base64)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

type nameDocument struct {
	Database text `json:"database"`
	Table    text `json:"table"`
}

func nameOut(n change.Name) nameDocument {
	return nameDocument{text(n.Database), text(n.Table)}
}

func (n nameDocument) in() change.Name {
	return change.Name{Database: string(n.Database), Table: string(n.Table)}
}

// checkpointDocument is a Checkpoint as it is written. Fields may be added within
// one format; a reader ignores those it does not know.
type checkpointDocument struct {
	SavedAt  time.Time       `json:"savedAt"`
	Epoch    uint64          `json:"epoch"`
	Position change.Position `json:"position"`
	Server   text            `json:"server"`
	Tables   []tableDocument `json:"tables"`
	Open     []labelDocument `json:"open,omitempty"`
	Prepared []labelDocument `json:"prepared,omitempty"`
	Exact    bool            `json:"exact,omitempty"`
}

// format is the lowest that holds it: a version that does not know what Prepared means
// must not go on from it.
func (doc *checkpointDocument) format() int {
	if len(doc.Prepared) > 0 {
		return formatPrepared
	}
	return formatFirst
}

type tableDocument struct {
	Name nameDocument `json:"name"`
	// Target is absent in documents of the first days.
	Target *nameDocument `json:"target,omitempty"`
	// Schema is the number of a file in schemas/, 0 while the table had not joined;
	// Seen that of the last row's schema.
	Schema int              `json:"schema"`
	Seen   int              `json:"seen,omitempty"`
	Added  []columnDocument `json:"added,omitempty"`
	Kept   []text           `json:"kept,omitempty"`
	Copy   copyDocument     `json:"copy"`
	Check  *checkDocument   `json:"check,omitempty"`
	Shadow *shadowDocument  `json:"shadow,omitempty"`
	// Stopped is absent while the table is followed.
	Stopped *stopDocument `json:"stopped,omitempty"`
}

type shadowDocument struct {
	Of       nameDocument `json:"of"`
	Identity text         `json:"identity"`
}

type stopDocument struct {
	At       time.Time       `json:"at"`
	Position change.Position `json:"position"`
	Code     text            `json:"code"`
	Reason   text            `json:"reason"`
	Fix      text            `json:"fix"`
}

type copyDocument struct {
	Done  bool           `json:"done"`
	Rows  uint64         `json:"rows"`
	Spans []spanDocument `json:"spans,omitempty"`
	Wipe  bool           `json:"wipe,omitempty"`
	// Partial is absent when the table was copied.
	Partial bool `json:"partial,omitempty"`
	// After is the one span of documents of the first days: what lies behind it.
	After *rowsDocument `json:"after,omitempty"`
}

type spanDocument struct {
	After *rowsDocument `json:"after,omitempty"`
	Until *rowsDocument `json:"until,omitempty"`
}

type checkDocument struct {
	Repair      bool                 `json:"repair"`
	Reason      text                 `json:"reason"`
	Again       bool                 `json:"again,omitempty"`
	Forwards    bool                 `json:"forwards"`
	Spans       []spanDocument       `json:"spans,omitempty"`
	After       *rowsDocument        `json:"after,omitempty"`
	Doubts      *rowsDocument        `json:"doubts,omitempty"`
	Compared    uint64               `json:"compared"`
	Missing     uint64               `json:"missing"`
	Different   uint64               `json:"different"`
	Superfluous uint64               `json:"superfluous"`
	Undecided   uint64               `json:"undecided"`
	Keys        uint64               `json:"keys,omitempty"`
	Examples    []differenceDocument `json:"examples,omitempty"`
}

type differenceDocument struct {
	Kind   text `json:"kind"`
	Key    text `json:"key"`
	Column text `json:"column,omitempty"`
}

type rowsDocument struct {
	Width int     `json:"width"`
	Cells []*text `json:"cells"` // null for NULL
}

// schemaOf gives the schema of that number.
type schemaOf func(int) (*change.Table, error)

// encodeCheckpoint names schemas by the numbers under which they are durable, none by 0.
func encodeCheckpoint(c *Checkpoint, at time.Time, numbers map[*change.Table]int) *checkpointDocument {
	doc := &checkpointDocument{
		SavedAt: at.UTC(), Epoch: c.Epoch, Position: c.Position, Server: text(c.Server),
		Tables: make([]tableDocument, 0, len(c.Tables)), Open: labelsOut(c.Open),
		Prepared: labelsOut(c.Prepared), Exact: c.Exact,
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		row := tableDocument{
			Name: nameOut(t.Name), Schema: numbers[t.Table], Seen: numbers[t.Seen],
			Copy:  copyDocument{Done: t.Copy.Done, Rows: t.Copy.Rows, Spans: spansOut(t.Copy.Spans), Wipe: t.Copy.Wipe, Partial: t.Copy.Partial},
			Check: checkOut(t.Check),
		}
		if t.Target != (change.Name{}) {
			target := nameOut(t.Target)
			row.Target = &target
		}
		if t.ShadowOf != (change.Name{}) {
			row.Shadow = &shadowDocument{nameOut(t.ShadowOf), text(t.Identity)}
		}
		for i := range t.Added {
			row.Added = append(row.Added, columnOut(&t.Added[i]))
		}
		for _, name := range t.Kept {
			row.Kept = append(row.Kept, text(name))
		}
		if stop := t.Stopped; stop != nil {
			row.Stopped = &stopDocument{At: stop.At.UTC(), Position: stop.Position, Code: text(stop.Code), Reason: text(stop.Reason), Fix: text(stop.Fix)}
		}
		doc.Tables = append(doc.Tables, row)
	}
	return doc
}

func decodeDocument(document []byte) (*checkpointDocument, error) {
	doc := &checkpointDocument{}
	if err := json.Unmarshal(document, doc); err != nil {
		return nil, damage(err.Error())
	}
	return doc, nil
}

func (doc *checkpointDocument) in(schema schemaOf) (*Checkpoint, error) {
	c := &Checkpoint{
		Epoch: doc.Epoch, Position: doc.Position, Server: string(doc.Server), Open: labelsIn(doc.Open),
		Prepared: labelsIn(doc.Prepared), Exact: doc.Exact,
	}
	for i := range doc.Tables {
		state, err := doc.Tables[i].in(schema)
		if err != nil {
			return nil, err
		}
		c.Tables = append(c.Tables, state)
	}
	return c, nil
}

func (t *tableDocument) in(schema schemaOf) (TableState, error) {
	state := TableState{Name: t.Name.in(), Copy: CopyState{Done: t.Copy.Done, Rows: t.Copy.Rows, Wipe: t.Copy.Wipe, Partial: t.Copy.Partial}}
	if t.Target != nil {
		state.Target = t.Target.in()
	}
	if t.Shadow != nil {
		state.ShadowOf, state.Identity = t.Shadow.Of.in(), string(t.Shadow.Identity)
	}
	var err error
	if state.Copy.Spans, err = spansIn(t.Copy.spans()); err != nil {
		return state, err
	}
	if state.Check, err = t.Check.in(); err != nil {
		return state, err
	}
	if t.Schema != 0 {
		if state.Table, err = schema(t.Schema); err != nil {
			return state, err
		}
	}
	if t.Seen != 0 {
		if state.Seen, err = schema(t.Seen); err != nil {
			return state, err
		}
	}
	for i := range t.Added {
		column, err := t.Added[i].in()
		if err != nil {
			return state, err
		}
		state.Added = append(state.Added, column)
	}
	for _, name := range t.Kept {
		state.Kept = append(state.Kept, string(name))
	}
	if stop := t.Stopped; stop != nil {
		state.Stopped = &Stop{At: stop.At, Position: stop.Position, Code: string(stop.Code), Reason: string(stop.Reason), Fix: string(stop.Fix)}
	}
	return state, nil
}

// isDamage tells that the content of a file is at fault, not the way to it.
func isDamage(err error) bool {
	var d damage
	return errors.As(err, &d)
}
