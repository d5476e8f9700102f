package emulator

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

// A packet costs the memory of what has arrived, not of what its head announces; before the
// login it must be small.
func TestPacketMemory(t *testing.T) {
	read := func(limit int, bytes ...byte) (allocated uint64, err error) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		go func() { // the reader closes the other end
			_, _ = theirs.Write(bytes)
			_ = theirs.Close()
		}()
		c := newPacketConn(ours)
		if limit > 0 {
			c.limit = limit
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = c.read()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, err
	}
	if allocated, err := read(maxCommand, 0xff, 0xff, 0xff, 0, 'x'); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || allocated > 1<<20 {
		t.Errorf("one byte of 16 MB: %d bytes allocated, %v", allocated, err)
	}
	if _, err := read(0, 0, 0, 2, 0); !errors.Is(err, errPacketTooLarge) {
		t.Errorf("a login of 128 KB: %v", err)
	}
}

// What is kept about bad rows is bounded in bytes, however long they are.
func TestErrorLogBytes(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT, v VARCHAR(10)) PRIMARY KEY(id)")
	r := w.load("d.t", strings.Repeat("1\t"+strings.Repeat("x", 200_000)+"\n", 40), "strict_mode: true", "label: long")
	if r.Status != "Fail" || !strings.Contains(r.raw, "too many filtered rows") || !strings.Contains(r.raw, `"NumberFilteredRows": 40`) {
		t.Fatalf("%.300s", r.raw)
	}
	w.errorLogs.mu.Lock()
	defer w.errorLogs.mu.Unlock()
	for name, text := range w.errorLogs.files {
		if len(text) < maxErrorBytes || len(text) > maxErrorBytes+1000 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
	if len(w.errorLogs.files) != 1 {
		t.Errorf("%d logs", len(w.errorLogs.files))
	}
}
