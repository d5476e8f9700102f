package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Letter is a row that the target refused and that was left out for it: for people,
// nothing of ours reads it back.
//
// Letters of one table are lines of one file, dead-letter/<database>.<table>.jsonl.
// Save makes them durable before the checkpoint that passes them, so none is lost; a
// row that comes again after a crash has two.
type Letter struct {
	At             time.Time
	Source, Target change.Name
	// The change lies behind After and not behind UpTo.
	After, UpTo change.Position
	Op          string // upsert, delete
	Code        string
	Reason      string
	Key, Row    []LetterCell
}

// LetterCell is one column of a letter's row.
type LetterCell struct {
	Column string
	Value  []byte
	Null   bool
}

const lettersFolder = "dead-letter"

type letterDocument struct {
	At     time.Time       `json:"time"`
	Source string          `json:"source"`
	Target string          `json:"target"`
	After  change.Position `json:"after"`
	UpTo   change.Position `json:"upTo"`
	Op     string          `json:"op"`
	Code   string          `json:"code"`
	Reason text            `json:"reason"`
	Key    letterCells     `json:"key"`
	Row    letterCells     `json:"row"`
}

// letterCells is an object whose members keep the order of the columns. Values are
// strings, null, or {"base64": …} where the bytes are not UTF-8.
type letterCells []LetterCell

func (cells letterCells) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(cells[i].Column)
		if err != nil {
			return nil, err
		}
		b = append(append(b, name...), ':')
		value := []byte("null")
		if !cells[i].Null {
			if value, err = text(cells[i].Value).MarshalJSON(); err != nil {
				return nil, err
			}
		}
		b = append(b, value...)
	}
	return append(b, '}'), nil
}

// Letter writes a row down. It is durable when the next Save has returned.
func (d *Dir) Letter(l *Letter) error {
	line, err := json.Marshal(letterDocument{
		At: l.At.UTC(), Source: l.Source.String(), Target: l.Target.String(), After: l.After, UpTo: l.UpTo,
		Op: l.Op, Code: l.Code, Reason: text(l.Reason), Key: l.Key, Row: l.Row,
	})
	if err != nil {
		return fmt.Errorf("encoding a refused row of %s: %w", l.Source, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	path := d.LetterPath(l.Source)
	f := d.letters[path]
	if f == nil {
		if f, err = d.openLetters(path); err != nil {
			return writeProblem(diag.Refused, path, err)
		}
		d.letters[path] = f
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		delete(d.letters, path) // opened again without the half line
		return errors.Join(writeProblem(diag.Refused, path, err), f.Close())
	}
	return nil
}

// LetterPath is the file that refused rows of a source table go to.
func (d *Dir) LetterPath(source change.Name) string {
	name := fileName(source.String())
	const most = 200 // of the 255 bytes that file systems allow
	if len(name) > most {
		name = fmt.Sprintf("%s-%08x", strings.ToValidUTF8(name[:most], ""), crc32.ChecksumIEEE([]byte(name)))
	}
	return filepath.Join(d.path, lettersFolder, name+".jsonl")
}

// fileName replaces what cannot, or should not, stand in the name of a file.
func fileName(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|%`, r) || r == 0x7f {
			fmt.Fprintf(&b, "%%%02X", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// openLetters opens a file to append to, without the half line that a crash may have
// left: its row comes again.
func (d *Dir) openLetters(path string) (file, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return d.disk.Append(path, int64(bytes.LastIndexByte(content, '\n')+1))
}

// syncLetters makes everything that Letter has written durable.
func (d *Dir) syncLetters() error {
	if len(d.letters) == 0 {
		return nil
	}
	for path, f := range d.letters {
		if err := f.Sync(); err != nil {
			return writeProblem(diag.Refused, path, err)
		}
	}
	folder := filepath.Join(d.path, lettersFolder)
	if err := errors.Join(d.disk.Sync(folder), d.disk.Sync(d.path)); err != nil {
		return writeProblem(diag.Refused, folder, err)
	}
	return nil
}

// closeLetters ends the files and makes room: they are opened again when needed.
func (d *Dir) closeLetters() error {
	var failed []error
	for path, f := range d.letters {
		failed = append(failed, f.Close())
		delete(d.letters, path)
	}
	return errors.Join(failed...)
}
