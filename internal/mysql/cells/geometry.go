package cells

import (
	"encoding/binary"
	"errors"
	"math"
)

// Both servers store and answer a geometry as its SRID in four bytes and WKB behind it.
// The cell is WKT in the order of the stored coordinates (x y, longitude before
// latitude), with "SRID=4326;" before it where the SRID is not 0, as PostGIS writes it:
// WKT alone would lose the SRID. ST_AsText was the alternative; only SELECT has it, and
// it prints coordinates in another order by SRID, and fewer digits.

var errGeometry = errors.New("the bytes are no geometry")

// maxGeometryDepth bounds collections of collections.
const maxGeometryDepth = 64

var geometryNames = [...]string{1: "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"}

// geometryPrinter prints the geometry at the head of p.
type geometryPrinter struct {
	dst, p []byte
	order  binary.ByteOrder
	depth  int
}

func appendGeometry(dst, value []byte) ([]byte, error) {
	if len(value) < 4 {
		return dst, errGeometry
	}
	if srid := binary.LittleEndian.Uint32(value); srid != 0 {
		dst = append(dst, "SRID="...)
		dst = appendUint(dst, uint64(srid))
		dst = append(dst, ';')
	}
	g := geometryPrinter{dst: dst, p: value[4:]}
	if err := g.geometry(true); err != nil {
		return g.dst, err
	}
	if len(g.p) > 0 {
		return g.dst, errGeometry
	}
	return g.dst, nil
}

// geometry prints one with its byte order and type before it; named tells that the
// name of the type is printed.
func (g *geometryPrinter) geometry(named bool) error {
	if len(g.p) < 5 || g.p[0] > 1 || g.depth > maxGeometryDepth {
		return errGeometry
	}
	g.order = binary.ByteOrder(binary.BigEndian)
	if g.p[0] == 1 {
		g.order = binary.LittleEndian
	}
	kind := g.order.Uint32(g.p[1:])
	g.p = g.p[5:]
	if kind == 0 || kind >= uint32(len(geometryNames)) {
		return errGeometry
	}
	if named {
		g.dst = append(g.dst, geometryNames[kind]...)
	}
	if kind == 1 {
		g.dst = append(g.dst, '(')
		err := g.point()
		g.dst = append(g.dst, ')')
		return err
	}
	g.depth++
	defer func() { g.depth-- }()
	return g.list(func() error {
		switch kind {
		case 2:
			return g.point()
		case 3:
			return g.list(g.point)
		}
		return g.geometry(kind == 7)
	})
}

// list prints a number of parts in parentheses.
func (g *geometryPrinter) list(part func() error) error {
	if len(g.p) < 4 {
		return errGeometry
	}
	count := g.order.Uint32(g.p)
	g.p = g.p[4:]
	if count == 0 {
		g.dst = append(g.dst, " EMPTY"...)
		return nil
	}
	g.dst = append(g.dst, '(')
	for i := range count {
		if i > 0 {
			g.dst = append(g.dst, ',')
		}
		order := g.order
		if err := part(); err != nil {
			return err
		}
		g.order = order
	}
	g.dst = append(g.dst, ')')
	return nil
}

func (g *geometryPrinter) point() (err error) {
	if len(g.p) < 16 {
		return errGeometry
	}
	if g.dst, err = appendShortest(g.dst, math.Float64frombits(g.order.Uint64(g.p)), 64); err != nil {
		return err
	}
	g.dst = append(g.dst, ' ')
	g.dst, err = appendShortest(g.dst, math.Float64frombits(g.order.Uint64(g.p[8:])), 64)
	g.p = g.p[16:]
	return err
}

// appendVector prints a VECTOR, which is FLOATs side by side, as MySQL's and StarRocks'
// arrays are written: [1,2.5].
func appendVector(dst, value []byte) (_ []byte, err error) {
	if len(value)%4 != 0 {
		return dst, errFloat
	}
	dst = append(dst, '[')
	for i := 0; i < len(value); i += 4 {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendShortest(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(value[i:]))), 32); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}
