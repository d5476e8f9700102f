package emulator

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// Frames of LZ4, which StarRocks' own load SDK sends. The standard library has no LZ4.
// Invariant of lz4Reader: window holds the last 64 KiB of what was decoded, which later
// blocks may refer to, followed by what is not read yet, from position unread on. All
// checksums are checked. Frames may follow each other; skippable ones are skipped.

const (
	lz4Magic      = 0x184D2204
	lz4SkipMagic  = 0x184D2A50 // and the 15 after it
	lz4WindowSize = 64 << 10
)

var errLZ4 = errors.New("broken LZ4 frame")

type lz4Reader struct {
	src     *bufio.Reader
	inFrame bool
	started bool

	independent, blockSum, contentSum, sized bool
	maxBlock                                 int
	size, decoded                            uint64
	sum                                      xxHash32

	block  []byte
	window []byte
	unread int
}

func newLZ4Reader(r io.Reader) *lz4Reader {
	return &lz4Reader{src: bufio.NewReader(r)}
}

func (z *lz4Reader) Read(p []byte) (int, error) {
	for z.unread == len(z.window) {
		if len(p) == 0 {
			return 0, nil
		}
		var err error
		if z.inFrame {
			err = z.nextBlock()
		} else {
			err = z.nextFrame()
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, z.window[z.unread:])
	z.unread += n
	return n, nil
}

// short reads n bytes at most 15 long.
func (z *lz4Reader) short(n int) ([]byte, error) {
	b := make([]byte, n)
	return b, z.fill(b)
}

// fill reads all of b; an end in between is an error, not the end of the data.
func (z *lz4Reader) fill(b []byte) error {
	_, err := io.ReadFull(z.src, b)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (z *lz4Reader) word() (uint32, error) {
	b, err := z.short(4)
	return binary.LittleEndian.Uint32(b), err
}

func (z *lz4Reader) nextFrame() error {
	if _, err := z.src.Peek(1); err != nil {
		if errors.Is(err, io.EOF) && !z.started {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	z.started = true
	magic, err := z.word()
	if err != nil {
		return err
	}
	if magic&^0xF == lz4SkipMagic {
		n, err := z.word()
		if err != nil {
			return err
		}
		if _, err = io.CopyN(io.Discard, z.src, int64(n)); errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if magic != lz4Magic {
		return errLZ4
	}
	return z.frameHeader()
}

func (z *lz4Reader) frameHeader() error {
	head, err := z.short(2)
	if err != nil {
		return err
	}
	flags, size := head[0], head[1]>>4&7
	if flags>>6 != 1 || flags&2 != 0 || size < 4 || head[1]&0x8F != 0 {
		return errLZ4
	}
	if flags&1 != 0 {
		return errors.New("LZ4 frame with a dictionary")
	}
	z.independent, z.blockSum, z.sized, z.contentSum = flags&0x20 != 0, flags&0x10 != 0, flags&8 != 0, flags&4 != 0
	z.maxBlock = 1 << (8 + 2*int(size))
	if z.sized {
		b, err := z.short(8)
		if err != nil {
			return err
		}
		z.size = binary.LittleEndian.Uint64(b)
		head = append(head, b...)
	}
	check, err := z.short(1)
	if err != nil {
		return err
	}
	var h xxHash32
	h.reset()
	h.write(head)
	if byte(h.sum()>>8) != check[0] {
		return errLZ4
	}
	z.inFrame, z.decoded, z.window, z.unread = true, 0, z.window[:0], 0
	z.sum.reset()
	return nil
}

func (z *lz4Reader) nextBlock() error {
	n, err := z.word()
	if err != nil {
		return err
	}
	if n == 0 {
		return z.endFrame()
	}
	stored := n>>31 != 0
	if n &^= 1 << 31; int(n) > z.maxBlock {
		return errLZ4
	}
	if cap(z.block) < int(n) {
		z.block = make([]byte, z.maxBlock)
	}
	z.block = z.block[:n]
	if err := z.fill(z.block); err != nil {
		return err
	}
	if z.blockSum {
		want, err := z.word()
		if err != nil {
			return err
		}
		var h xxHash32
		h.reset()
		if h.write(z.block); h.sum() != want {
			return errLZ4
		}
	}
	if keep := len(z.window) - lz4WindowSize; z.independent {
		z.window = z.window[:0]
	} else if keep > 0 {
		z.window = z.window[:copy(z.window, z.window[keep:])]
	}
	from := len(z.window)
	if stored {
		z.window = append(z.window, z.block...)
	} else if z.window, err = lz4Block(z.window, z.block, from+z.maxBlock); err != nil {
		return err
	}
	z.unread = from
	z.decoded += uint64(len(z.window) - from)
	if z.contentSum {
		z.sum.write(z.window[from:])
	}
	return nil
}

func (z *lz4Reader) endFrame() error {
	z.inFrame = false
	if z.sized && z.decoded != z.size {
		return errLZ4
	}
	if !z.contentSum {
		return nil
	}
	want, err := z.word()
	if err == nil && z.sum.sum() != want {
		err = errLZ4
	}
	return err
}

// lz4Block appends what a block decodes to, up to a length of limit.
func lz4Block(out, in []byte, limit int) ([]byte, error) {
	for {
		if len(in) == 0 {
			return out, errLZ4
		}
		token := in[0]
		literals, rest, ok := lz4Length(int(token>>4), in[1:])
		if !ok || literals > len(rest) || len(out)+literals > limit {
			return out, errLZ4
		}
		out = append(out, rest[:literals]...)
		if in = rest[literals:]; len(in) == 0 {
			return out, nil // the last sequence has no match
		}
		if len(in) < 2 {
			return out, errLZ4
		}
		distance := int(binary.LittleEndian.Uint16(in))
		match, rest, ok := lz4Length(int(token&15), in[2:])
		match += 4
		if !ok || distance == 0 || distance > len(out) || len(out)+match > limit {
			return out, errLZ4
		}
		in = rest
		for from := len(out) - distance; match > 0; {
			// A match may overlap what it writes: copy what is there, again and again.
			n := min(match, len(out)-from)
			out = append(out, out[from:from+n]...)
			match -= n
		}
	}
}

// lz4Length adds the bytes that continue a length of 15.
func lz4Length(n int, in []byte) (int, []byte, bool) {
	if n < 15 {
		return n, in, true
	}
	for i, b := range in {
		n += int(b)
		if b != 255 {
			return n, in[i+1:], true
		}
	}
	return 0, nil, false
}

// xxHash32 is XXH32 with seed 0, the checksum of LZ4 frames.
type xxHash32 struct {
	lane  [4]uint32
	tail  []byte
	total uint64
}

const (
	xxPrime1 uint32 = 2654435761
	xxPrime2 uint32 = 2246822519
	xxPrime3 uint32 = 3266489917
	xxPrime4 uint32 = 668265263
	xxPrime5 uint32 = 374761393
)

func (h *xxHash32) reset() {
	p1, p2 := xxPrime1, xxPrime2 // variables, because the sums wrap round
	h.lane = [4]uint32{p1 + p2, p2, 0, -p1}
	h.tail, h.total = h.tail[:0], 0
}

func (h *xxHash32) write(p []byte) {
	h.total += uint64(len(p))
	if len(h.tail) > 0 {
		n := min(16-len(h.tail), len(p))
		h.tail, p = append(h.tail, p[:n]...), p[n:]
		if len(h.tail) < 16 {
			return
		}
		h.stripe(h.tail)
		h.tail = h.tail[:0]
	}
	for ; len(p) >= 16; p = p[16:] {
		h.stripe(p)
	}
	h.tail = append(h.tail, p...)
}

func (h *xxHash32) stripe(p []byte) {
	for i := range h.lane {
		h.lane[i] = bits.RotateLeft32(h.lane[i]+binary.LittleEndian.Uint32(p[4*i:])*xxPrime2, 13) * xxPrime1
	}
}

func (h *xxHash32) sum() uint32 {
	s := h.lane[2] + xxPrime5
	if h.total >= 16 {
		s = bits.RotateLeft32(h.lane[0], 1) + bits.RotateLeft32(h.lane[1], 7) + bits.RotateLeft32(h.lane[2], 12) + bits.RotateLeft32(h.lane[3], 18)
	}
	s += uint32(h.total)
	p := h.tail
	for ; len(p) >= 4; p = p[4:] {
		s = bits.RotateLeft32(s+binary.LittleEndian.Uint32(p)*xxPrime3, 17) * xxPrime4
	}
	for _, b := range p {
		s = bits.RotateLeft32(s+uint32(b)*xxPrime5, 11) * xxPrime1
	}
	s = (s ^ s>>15) * xxPrime2
	s = (s ^ s>>13) * xxPrime3
	return s ^ s>>16
}
