package binlog

import "math/bits"

// GTID opens a transaction of MySQL.
type GTID struct {
	ID        [16]byte
	Tag       []byte // none before MySQL 8.3, and in most transactions
	Number    int64
	Anonymous bool
	// CommitTime is when the server that sends it committed: microseconds since 1970, 0
	// when it does not say.
	CommitTime uint64
}

const (
	logicalClock = 2       // type of the two numbers behind the GTID
	otherOrigin  = 1 << 55 // of a commit time: that at the origin follows
)

// GTID reads an event of any of the three kinds.
func (e *Event) GTID() (g GTID, err error) {
	if e.Kind == KindTaggedGTID {
		return taggedGTID(e.Body)
	}
	c := cut{p: e.Body}
	c.uint(1) // flags
	copy(g.ID[:], c.bytes(len(g.ID)))
	g.Number, g.Anonymous = int64(c.uint(8)), e.Kind == KindAnonymousGTID
	if c.bad {
		return g, errCut
	}
	const clock, commit = 1 + 8 + 8, 7
	if len(c.p) >= clock+commit && c.p[0] == logicalClock {
		c.bytes(clock)
		g.CommitTime = c.uint(commit) &^ otherOrigin
	}
	return g, nil
}

// Fields of a tagged GTID, in their order.
const (
	taggedFlags = iota
	taggedID
	taggedNumber
	taggedTag
	taggedParent
	taggedSequence
	taggedCommitTime
)

// taggedGTID reads MySQL's serialization format: version, size, number of the last field
// that must not be ignored, then fields, each with its number before it, in order. Those
// that are not there are left out.
func taggedGTID(body []byte) (g GTID, err error) {
	c := cut{p: body}
	for range 3 {
		c.varying()
	}
	seen := 0
	for len(c.p) > 0 && !c.bad {
		field := c.varying()
		switch field {
		case taggedFlags, taggedParent, taggedSequence:
			c.varying()
		case taggedID:
			for i := range g.ID {
				g.ID[i] = byte(c.varying())
			}
		case taggedNumber:
			g.Number = signed(c.varying())
		case taggedTag:
			g.Tag = c.bytes(c.length(c.varying()))
		case taggedCommitTime:
			g.CommitTime = c.varying()
		default:
			c.p = nil // nothing that is looked at
			continue
		}
		seen |= 1 << field
	}
	const needed = 1<<taggedID | 1<<taggedNumber
	if c.bad || seen&needed != needed {
		return g, errCut
	}
	return g, nil
}

// varying takes a number whose first byte says by its trailing ones how many bytes more
// there are.
func (c *cut) varying() uint64 {
	if len(c.p) == 0 {
		c.bad = true
		return 0
	}
	size := bits.TrailingZeros8(^c.p[0]) + 1
	if size > 8 {
		c.bytes(1)
		return c.uint(8)
	}
	return c.uint(size) >> size
}

// signed is a number with its sign in the lowest bit.
func signed(v uint64) int64 {
	if v&1 != 0 {
		return -1 - int64(v>>1)
	}
	return int64(v >> 1)
}

// MariaGTID opens a group of MariaDB.
type MariaGTID struct {
	Domain   uint32
	Server   uint32
	Sequence uint64
	Flags    byte
	// Further flags; those of a two-phase ALTER are told here and nowhere else.
	Further byte
}

// Flags of MariaDB's GTID event.
const (
	MariaStandalone  = 1 // nothing ends the group: it is one statement
	mariaGroupCommit = 2 // it carries a commit id
	MariaPreparedXA  = 64
	MariaCompletedXA = 128

	MariaStartAlter    = 2 // further flags
	MariaCommitAlter   = 4
	MariaRollbackAlter = 8
)

// MariaGTID reads the event.
func (e *Event) MariaGTID() (g MariaGTID, err error) {
	c := cut{p: e.Body}
	g.Sequence, g.Domain, g.Flags, g.Server = c.uint(8), uint32(c.uint(4)), byte(c.uint(1)), e.Server
	if c.bad {
		return g, errCut
	}
	// Then a commit id, the name of an XA transaction, further flags, each only when there
	// is one; then zeros up to 19.
	if g.Flags&mariaGroupCommit != 0 {
		c.bytes(8)
	}
	if g.Flags&(MariaPreparedXA|MariaCompletedXA) != 0 && len(c.p) >= 6 {
		c.bytes(6 + int(c.p[4]) + int(c.p[5]))
	}
	if len(c.p) > 0 {
		g.Further = c.p[0]
	}
	return g, nil
}
