package packets

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"
)

// wire is a connection that hands out bytes in pieces.
type wire struct {
	net.Conn
	left   []byte
	pieces func() int
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), w.pieces())], w.left)
	w.left = w.left[n:]
	return n, nil
}

func packet(payload []byte) (wire []byte) {
	for sequence := byte(0); ; sequence++ {
		n := min(len(payload), wholeSize)
		wire = append(wire, byte(n), byte(n>>8), byte(n>>16), sequence)
		wire = append(wire, payload[:n]...)
		if payload = payload[n:]; n < wholeSize {
			return wire
		}
	}
}

func TestPacketsOfEverySizeInEveryPiece(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	var payloads [][]byte
	for _, size := range []int{0, 1, 3, 4, 5, bufferSize - headSize, bufferSize - 1, bufferSize, bufferSize + 1, 3 * bufferSize, 7, wholeSize - 1, wholeSize, wholeSize + 1, 2 * wholeSize, 9, 0, 12} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(i*7 + size)
		}
		payloads = append(payloads, payload)
	}
	for range 2000 {
		payloads = append(payloads, bytes.Repeat([]byte{byte(random.Uint32())}, random.IntN(3000)))
	}
	var all []byte
	for _, payload := range payloads {
		all = append(all, packet(payload)...)
	}
	r := NewReader(&wire{left: all, pieces: func() int { return 1 + random.IntN(1<<random.IntN(22)) }}, 0)
	for i, want := range payloads {
		got, err := r.Next()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("packet %d of %d bytes: %d bytes, %v", i, len(want), len(got), err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("behind the last packet: %v", err)
	}
	if len(r.buffer) != bufferSize || r.long != nil {
		t.Errorf("%d bytes stay allocated behind long packets", len(r.buffer)+cap(r.long))
	}
}

func TestAnEndWithinAPacketIsToldFromOneBetween(t *testing.T) {
	t.Parallel()
	whole := packet([]byte("0123456789"))
	long := packet(make([]byte, wholeSize))
	for _, c := range []struct {
		wire []byte
		want error
	}{{nil, io.EOF}, {whole[:2], io.ErrUnexpectedEOF}, {whole[:headSize], io.ErrUnexpectedEOF}, {whole[:9], io.ErrUnexpectedEOF}, {long[:len(long)-headSize], io.ErrUnexpectedEOF}} {
		r := NewReader(&wire{left: c.wire, pieces: func() int { return 1 << 20 }}, 0)
		if _, err := r.Next(); err != c.want {
			t.Errorf("%d bytes: %v, want %v", len(c.wire), err, c.want)
		}
	}
}

func TestSilenceEndsARead(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	_, err := NewReader(ours, time.Millisecond).Next()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestAPacketIsNotAllocated(t *testing.T) {
	all := bytes.Repeat(packet(make([]byte, 100)), 200_000)
	r := NewReader(&wire{left: all, pieces: func() int { return 1 << 20 }}, 0)
	if n := testing.AllocsPerRun(100_000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations per packet", n)
	}
}
