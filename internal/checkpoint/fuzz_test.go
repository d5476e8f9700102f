package checkpoint

import (
	"testing"
	"time"

	"starferry/internal/change"
)

func FuzzUnseal(f *testing.F) {
	f.Add(seal("checkpoint", []byte(`{"epoch":1}`)))
	f.Add(sealAs(9, "schema", nil))
	f.Add([]byte("starferry checkpoint 1 00000000\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		document, err := unseal("p", "checkpoint", content)
		if err == nil && string(seal("checkpoint", document)) != string(content) {
			t.Errorf("%q was taken for a checkpoint", content)
		}
	})
}

func FuzzDecodeCheckpoint(f *testing.F) {
	f.Add([]byte(`{"epoch":1,"position":{"file":"f","offset":2},"tables":[{"name":{"database":"d","table":{"base64":"/w=="}},"schema":1,"copy":{"after":{"width":2,"cells":["a",null]}}}],"open":[{"table":{},"label":"l"}]}`))
	f.Add([]byte(`{"tables":[{"copy":{"after":{"width":0,"cells":[]}}}]}`))
	f.Add([]byte(`{"tables":[{"stopped":{"at":"2026-01-02T03:04:05Z","position":{"file":"f","offset":2},"code":"SF5005","reason":{"base64":"/w=="},"fix":""}}]}`))
	schema := &change.Table{}
	f.Fuzz(func(t *testing.T, document []byte) {
		c, _, err := decodeCheckpoint(document, func(int) (*change.Table, error) { return schema, nil })
		if err != nil {
			if !isDamage(err) {
				t.Errorf("not damage: %v", err)
			}
			return
		}
		if _, err := encodeCheckpoint(c, time.Time{}, func(*change.Table) (int, error) { return 1, nil }); err != nil {
			t.Error(err)
		}
	})
}

func FuzzDecodeSchema(f *testing.F) {
	whole, err := encodeSchema(schemasOfHistory[2])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"columns":[{"type":{"base":"int"}}],"key":[0]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		table, err := decodeSchema(document)
		if err != nil {
			if !isDamage(err) {
				t.Errorf("not damage: %v", err)
			}
			return
		}
		table.KeyNames() // its key is within its columns
	})
}

func FuzzDecodeLabels(f *testing.F) {
	f.Add([]byte("00000000 []\n"))
	f.Add([]byte("x\n\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := decodeLabels(content); err != nil && !isDamage(err) {
			t.Errorf("not damage: %v", err)
		}
	})
}
