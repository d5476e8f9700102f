package emulator

import (
	"compress/bzip2"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// codec is how the body of a load is compressed.
type codec uint8

const (
	noCodec codec = iota
	gzipCodec
	bzip2Codec
	zlibCodec // what StarRocks calls deflate
	zstdCodec
	lz4Codec
)

// csvCodecs are the formats that mean compressed CSV.
var csvCodecs = map[string]codec{"gzip": gzipCodec, "bzip2": bzip2Codec, "deflate": zlibCodec, "zstd": zstdCodec, "lz4": lz4Codec}

// jsonCodecs are the values of the compression header. The other codecs StarRocks knows
// are refused by name.
var jsonCodecs = map[string]codec{"no_compression": noCodec, "gzip": gzipCodec, "bzip2": bzip2Codec, "deflate": zlibCodec, "zlib": zlibCodec, "zstd": zstdCodec, "lz4_frame": lz4Codec}

// parseCompression reads the header that only the JSON scanner obeys: for CSV StarRocks
// checks its name and then ignores it.
func (o *loadOptions) parseCompression(h http.Header) error {
	name, encoding := h.Get("compression"), h.Get("Content-Encoding")
	if name != "" && encoding != "" {
		return ddlError("Only one of http header content-encoding and compression can be set")
	}
	if name == "" {
		name = encoding
	}
	if name != "" {
		c, known := jsonCodecs[strings.ToLower(name)]
		switch lower := strings.ToLower(name); {
		case !known && (lower == "lz4" || lower == "snappy" || lower == "lzo" || lower == "zip" || lower == "brotli" || lower == "lz4_hadoop"):
			return ddlError("not implemented by the embedded server: compression %s", name)
		case !known:
			return ddlError("Unsupported compression type: %s", name)
		case o.json:
			o.compression = c
		}
	}
	return nil
}

// decompressed is the body as the scanner reads it. An empty body is empty, whatever
// the codec.
func decompressed(c codec, r io.Reader) io.Reader {
	if c == noCodec {
		return r
	}
	return &inflater{codec: c, source: r}
}

// inflater opens its codec at the first read, so that a broken header is a data error.
type inflater struct {
	codec  codec
	source io.Reader
	open   io.Reader
	err    error
}

func (f *inflater) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if f.open == nil {
		if f.err = f.start(); f.err != nil {
			return 0, f.err
		}
	}
	n, err := f.open.Read(p)
	if err != nil {
		f.err = codecError(err)
	}
	return n, f.err
}

func (f *inflater) start() error {
	var head [1]byte
	if _, err := io.ReadFull(f.source, head[:]); err != nil {
		return codecError(err)
	}
	r := io.MultiReader(strings.NewReader(string(head[:])), f.source)
	var err error
	switch f.codec {
	case gzipCodec:
		f.open, err = gzip.NewReader(r)
	case zlibCodec:
		f.open, err = zlib.NewReader(r)
	case bzip2Codec:
		f.open = bzip2.NewReader(r)
	case lz4Codec:
		f.open = newLZ4Reader(r)
	default:
		var d *zstd.Decoder
		// One goroutine-free decoder: nothing is left behind when a load ends early.
		d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(1<<30))
		f.open = d
	}
	if err != nil {
		f.open = nil
		return codecError(err)
	}
	return nil
}

func codecError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return ddlError("The compressed data cannot be read: %s", err)
}
