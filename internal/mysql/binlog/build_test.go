package binlog

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
)

// whole is an event with its head, and a checksum if it has one.
func whole(kind Kind, body []byte, checksum bool) []byte {
	size := headSize + len(body)
	if checksum {
		size += checksumSize
	}
	e := binary.LittleEndian.AppendUint32(nil, 1_700_000_000)
	e = append(e, byte(kind))
	e = binary.LittleEndian.AppendUint32(e, 7)
	e = binary.LittleEndian.AppendUint32(e, uint32(size))
	e = binary.LittleEndian.AppendUint32(e, 4711)
	e = binary.LittleEndian.AppendUint16(e, 0)
	e = append(e, body...)
	if checksum {
		e = binary.LittleEndian.AppendUint32(e, crc32.ChecksumIEEE(e))
	}
	return e
}

// varying appends a number in MySQL's serialization format.
func varying(dst []byte, v uint64) []byte {
	for size := 1; size <= 8; size++ {
		if v < 1<<(7*size) {
			v = v<<size | (1<<(size-1) - 1)
			for range size {
				dst = append(dst, byte(v))
				v >>= 8
			}
			return dst
		}
	}
	return binary.LittleEndian.AppendUint64(append(dst, 0xff), v)
}

// tagged is the body of a tagged GTID as MySQL 8.3 and later write it.
func tagged(tag string, number int64, commit uint64) []byte {
	fields := varying(varying(nil, taggedFlags), 1)
	fields = varying(fields, taggedID)
	for i := range 16 {
		fields = varying(fields, uint64(i*17))
	}
	fields = varying(varying(fields, taggedNumber), uint64(number)<<1)
	fields = varying(varying(fields, taggedTag), uint64(len(tag)))
	fields = append(fields, tag...)
	fields = varying(varying(fields, taggedParent), 5<<1)
	fields = varying(varying(fields, taggedSequence), 6<<1)
	fields = varying(varying(fields, taggedCommitTime), commit)
	fields = varying(varying(fields, 8), 200)    // length of the transaction
	fields = varying(varying(fields, 9), 90_704) // version of the server
	body := varying(varying(varying(nil, 1), uint64(len(fields)+3)), 9)
	return append(body, fields...)
}

func deflated(text string) []byte {
	var b bytes.Buffer
	b.Write([]byte{1, byte(len(text))})
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

// payloadBody is a compressed transaction of these events.
func payloadBody(compression uint64, events ...[]byte) []byte {
	raw := bytes.Join(events, nil)
	packed := raw
	if compression == compressionZstd {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			panic(err)
		}
		packed = z.EncodeAll(raw, nil)
	}
	body := []byte{payloadCompression, 1, byte(compression)}
	if compression >= 0xfb {
		body = []byte{payloadCompression, 3, 0xfc, byte(compression), 0}
	}
	body = append(body, 3, 3, 0xfc, byte(len(raw)), byte(len(raw)>>8), 1, 3, 0xfc, byte(len(packed)), byte(len(packed)>>8), payloadEnd)
	return append(body, packed...)
}
