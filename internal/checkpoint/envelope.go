package checkpoint

import (
	"bytes"
	"fmt"
	"hash/crc32"

	"starferry/internal/diag"
)

// Every file but the label notes is one line and a JSON document:
//
//	starferry checkpoint 1 9a3c0f11
//	{"epoch":12, …}
//
// the kind of the file, the number of its format, and the CRC-32C of everything
// else. The line keeps this shape in every later format, so that any version can
// tell a file that is newer than itself from one that is damaged.

// Format is the number of the highest format that this version knows; it reads all
// lower ones. Every file has the lowest that holds it, so that a version before this
// one reads what it understands.
const (
	Format = formatPrepared

	formatFirst    = 1
	formatPrepared = 2 // a checkpoint with transactions that it needs
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seal(kind string, document []byte) []byte {
	return sealAs(formatFirst, kind, document)
}

func sealAs(format int, kind string, document []byte) []byte {
	title := fmt.Sprintf("starferry %s %d", kind, format)
	return fmt.Appendf(nil, "%s %08x\n%s", title, checksum(title, document), document)
}

func checksum(title string, document []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(title), castagnoli), castagnoli, document)
}

// damage is what is wrong with the content of a file.
type damage string

func (d damage) Error() string { return string(d) }

// unseal returns the document in a file: damage when the file is not what was
// written, a Problem when it was written by a newer version.
func unseal(path, kind string, content []byte) ([]byte, error) {
	line, document, found := bytes.Cut(content, []byte("\n"))
	if !found {
		return nil, damage("its first line is not complete")
	}
	var gotKind string
	var format int
	var sum uint32
	if n, err := fmt.Sscanf(string(line), "starferry %s %d %x", &gotKind, &format, &sum); err != nil || n != 3 {
		return nil, damage("its first line cannot be read")
	}
	title := fmt.Sprintf("starferry %s %d", gotKind, format)
	if fmt.Sprintf("%s %08x", title, sum) != string(line) || checksum(title, document) != sum {
		return nil, damage("its checksum is wrong")
	}
	if gotKind != kind {
		return nil, damage(fmt.Sprintf("it is a %s, not a %s", gotKind, kind))
	}
	if format > Format {
		return nil, &diag.Problem{
			Code: CodeNewer, Class: diag.Unusable,
			Message: fmt.Sprintf("%s has format %d; this version of starferry reads formats up to %d", path, format, Format),
			Fix:     "start the newer version of starferry that wrote it, or choose another folder with --data-dir",
		}
	}
	return document, nil
}
