package checkpoint

import (
	"fmt"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"starferry/internal/change"
)

func FuzzUnseal(f *testing.F) {
	f.Add(seal("checkpoint", []byte(`{"epoch":1}`)))
	f.Add(sealAs(formatPrepared, "checkpoint", []byte(`{"epoch":1,"prepared":[{"table":{},"label":"l"}]}`)))
	f.Add(sealAs(9, "schema", nil))
	f.Add([]byte("starferry checkpoint 1 00000000\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		document, err := unseal("p", "checkpoint", content)
		if err == nil && !slices.ContainsFunc([]int{formatFirst, formatPrepared}, func(format int) bool {
			return string(sealAs(format, "checkpoint", document)) == string(content)
		}) {
			t.Errorf("%q was taken for a checkpoint", content)
		}
	})
}

func FuzzDecodeCheckpoint(f *testing.F) {
	f.Add([]byte(`{"epoch":1,"position":{"file":"f","offset":2},"tables":[{"name":{"database":"d","table":{"base64":"/w=="}},"schema":1,"copy":{"after":{"width":2,"cells":["a",null]}}}],"open":[{"table":{},"label":"l"}]}`))
	f.Add([]byte(`{"tables":[{"copy":{"after":{"width":0,"cells":[]}}}]}`))
	f.Add([]byte(`{"tables":[{"stopped":{"at":"2026-01-02T03:04:05Z","position":{"file":"f","offset":2},"code":"SF5005","reason":{"base64":"/w=="},"fix":""}}]}`))
	f.Add([]byte(`{"epoch":3,"prepared":[{"table":{"database":"d","table":"t"},"label":"p"},{"table":{"database":"d","table":""},"label":{"base64":"/w=="}}],"exact":true}`))
	schema := &change.Table{}
	f.Fuzz(func(t *testing.T, document []byte) {
		doc, err := decodeDocument(document)
		var c *Checkpoint
		if err == nil {
			c, err = doc.in(func(int) (*change.Table, error) { return schema, nil })
		}
		if err != nil {
			if !isDamage(err) {
				t.Errorf("not damage: %v", err)
			}
			return
		}
		again := encodeCheckpoint(c, time.Time{}, map[*change.Table]int{schema: 1})
		if again.format() != doc.format() || len(again.Prepared) != len(doc.Prepared) || again.Exact != doc.Exact {
			t.Errorf("%s became %+v", document, again)
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
	for _, document := range []string{`{"settled":12,"epoch":3}`, `{"settled":0}`, `[{"table":{"database":"d","table":"t"},"label":"l"}]`, `{"settled":-1}`} {
		f.Add(fmt.Appendf(nil, "%08x %s\n", crc32.Checksum([]byte(document), castagnoli), document))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var n notes
		n.decode(content)
		if n.err != nil && !isDamage(n.err) {
			t.Errorf("not damage: %v", n.err)
		}
		if slices.Contains(n.settled, 0) {
			t.Error("no checkpoint has the number 0")
		}
	})
}
