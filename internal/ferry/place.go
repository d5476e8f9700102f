package ferry

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// Place is what a ledger's row says: enough to go on from without a state directory. Each
// row tells all of the epoch, also of databases that had no part in it: their own rows may
// be of long ago.
type Place struct {
	// Name is the deployment's, by which a new state directory finds the row.
	Name string `json:"name"`
	// Label is the transaction that the row is in, Labels are all of the epoch.
	Label    string             `json:"label"`
	Labels   []checkpoint.Label `json:"labels"`
	Position change.Position    `json:"position"`
	Server   string             `json:"server"`
	// Before is the checkpoint before, which held when the epoch was to be committed.
	Before       change.Position `json:"before"`
	BeforeServer string          `json:"beforeServer"`
	Tables       []PlaceTable    `json:"tables"`
}

// PlaceTable is a table that was followed, or is stopped.
type PlaceTable struct {
	Source change.Name `json:"source"`
	Target change.Name `json:"target"`
	// Copied: its copy was complete. Wipe: the target was to be emptied before it.
	Copied bool `json:"copied,omitempty"`
	Wipe   bool `json:"wipe,omitempty"`
	// Partial: it was started without a copy.
	Partial bool `json:"partial,omitempty"`
	// Shape is that of its schema at Position, ShapeBefore at Before where that differs;
	// "" while it had not joined, or was dropped.
	Shape       string           `json:"shape,omitempty"`
	ShapeBefore string           `json:"shapeBefore,omitempty"`
	Stopped     *checkpoint.Stop `json:"stopped,omitempty"`
	// Mend is why the table is being compared and mended, at Position or at Before; "": it is
	// not. Who goes on from the row begins with that again.
	Mend string `json:"mend,omitempty"`
}

// Check is what a place says of the comparison under way, nil for none.
func (t *PlaceTable) Check() *checkpoint.CheckState {
	if t.Mend == "" {
		return nil
	}
	return &checkpoint.CheckState{Repair: true, Reason: t.Mend}
}

// mend is why a table is being mended, "" when it is not.
func mend(s *checkpoint.TableState) string {
	if s.Check == nil || !s.Check.Repair {
		return ""
	}
	return cmp.Or(s.Check.Reason, "asked for")
}

// place is what the row of a database says at the end of an epoch.
func (l *loop) place(c *closing, label checkpoint.Label) Place {
	p := Place{
		Name: l.cfg.Name, Label: label.Label, Position: c.mark.position, Server: c.server,
		Before: l.settled.position, BeforeServer: c.server, Tables: []PlaceTable{},
	}
	if last := l.exact.settled; last != nil {
		p.BeforeServer = last.Server
	}
	for _, x := range l.exact.open {
		p.Labels = append(p.Labels, x.label)
	}
	for i := range c.mark.states {
		s := &c.mark.states[i]
		if s.ShadowOf != (change.Name{}) || s.Table == nil && !s.Copy.Done && s.Stopped == nil {
			continue
		}
		t := PlaceTable{Source: s.Name, Target: s.Target, Copied: s.Copy.Done, Wipe: s.Copy.Wipe, Partial: s.Copy.Partial, Shape: Shape(s.Table), Stopped: s.Stopped, Mend: mend(s)}
		if i < len(l.settled.states) {
			t.Mend = cmp.Or(t.Mend, mend(&l.settled.states[i]))
			if before := l.settled.states[i].Table; before != nil && s.Table != nil && before != s.Table {
				t.ShapeBefore = Shape(before)
			}
		}
		p.Tables = append(p.Tables, t)
	}
	return p
}

// Shape tells schemas apart that read the rows of a log in different ways; "" for none.
func Shape(t *change.Table) string {
	if t == nil {
		return ""
	}
	h := sha256.New()
	write := func(text string) {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		write(c.Name)
		write(c.Type.String())
		write(c.Type.Charset)
		if kept := c.Type.Zone + string(c.Type.ZeroDates); kept != "" {
			write(kept)
		}
	}
	write("key")
	for _, name := range t.KeyNames() {
		write(name)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
