package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// The frames of testdata/lz4 were made by the lz4 command.
func TestLZ4Frames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, sum string }{
		{"linked", "e7a274f5320ae23a8edef1a46bdffd7426241814a54f3c2e76bb775e66f0ac6e"},      // 64 KiB blocks that refer back, with sums and the size
		{"independent", "e7a274f5320ae23a8edef1a46bdffd7426241814a54f3c2e76bb775e66f0ac6e"}, // 64 KiB blocks each on its own
		{"stored", "f4ffcf79836791afee171571b89860fca8a1fdd3834edf2a5e47ed1acb7f495f"},      // an incompressible block, no sum of the content
		{"two", "94bef063ef9747fc4672abadc0dc99ea54b3f05cd8451970ebb3f632b11ebfaf"},         // two frames, the second one stored
	} {
		frame, err := os.ReadFile("testdata/lz4/" + c.file + ".lz4")
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(newLZ4Reader(iotest.OneByteReader(bytes.NewReader(frame))))
		if sum := sha256.Sum256(out); err != nil || hex.EncodeToString(sum[:]) != c.sum {
			t.Errorf("%s: %d bytes with sum %x, %v", c.file, len(out), sum, err)
		}
		if out, err := io.ReadAll(newLZ4Reader(bytes.NewReader(frame[:len(frame)-1]))); err == nil {
			t.Errorf("%s without its last byte: %d bytes and no error", c.file, len(out))
		}
		if c.file == "stored" {
			continue // has no sum
		}
		frame[40] ^= 1
		if out, err := io.ReadAll(newLZ4Reader(bytes.NewReader(frame))); err == nil {
			t.Errorf("%s with a flipped bit: %d bytes and no error", c.file, len(out))
		}
	}
}

func TestLZ4RefusesWhatIsNoFrame(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "\x04", "1\ta\n22222", "\x04\x22\x4d\x18\x60\x40\x00"} {
		if _, err := io.ReadAll(newLZ4Reader(strings.NewReader(in))); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// lz4ed is a frame of one stored block without sums.
func lz4ed(text string) string {
	var h xxHash32
	h.reset()
	h.write([]byte{0x60, 0x40})
	return "\x04\x22\x4d\x18\x60\x40" + string([]byte{byte(h.sum() >> 8), byte(len(text)), 0, 0, 0x80}) + text + "\x00\x00\x00\x00"
}

func FuzzLZ4(f *testing.F) {
	for _, name := range []string{"stored", "two"} {
		frame, err := os.ReadFile("testdata/lz4/" + name + ".lz4")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		all, errAll := io.ReadAll(io.LimitReader(newLZ4Reader(bytes.NewReader(in)), 8<<20))
		parts, errParts := io.ReadAll(io.LimitReader(newLZ4Reader(iotest.HalfReader(bytes.NewReader(in))), 8<<20))
		if !bytes.Equal(all, parts) || (errAll == nil) != (errParts == nil) {
			t.Fatalf("%d bytes, %v; in halves %d bytes, %v", len(all), errAll, len(parts), errParts)
		}
	})
}
