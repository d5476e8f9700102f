package binlog

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
)

func TestEveryKindReadsAsTheOracleDoes(t *testing.T) {
	t.Parallel()
	for kind, body := range seeds {
		var own Event
		parser, theirs := Parser{}, newOracle(gomysql.MySQLFlavor)
		for _, before := range [][]byte{formatEvent(true), whole(KindTableMap, seeds[KindTableMap], true)} {
			if _, err := theirs.Parse(before); err != nil {
				t.Fatal(err)
			}
		}
		if err := parser.Parse(formatEvent(true), &own); err != nil {
			t.Fatal(err)
		}
		event := whole(kind, body, true)
		if err := parser.Parse(event, &own); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		want, err := oracle(theirs, event)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if err := differences(&own, want); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestFormatSaysWhetherThereAreChecksums(t *testing.T) {
	t.Parallel()
	for _, checksums := range []bool{true, false} {
		var p Parser
		var e Event
		rotate := whole(KindRotate, seeds[KindRotate], checksums)
		for range 2 { // before the format is known, and after
			if err := p.Parse(rotate, &e); err != nil {
				t.Fatal(err)
			}
			if next, err := e.Rotate(); err != nil || string(next.File) != "binlog.000002" || next.Offset != 4 {
				t.Errorf("%s %d %v", next.File, next.Offset, err)
			}
			if err := p.Parse(formatEvent(checksums), &e); err != nil {
				t.Fatal(err)
			}
			if f, err := e.Format(); err != nil || f.Checksums != checksums || f.Version != "9.7.4-log" || f.Created != 0x04030201 {
				t.Errorf("%+v %v", f, err)
			}
		}
		rotate[headSize]++
		if err := p.Parse(rotate, &e); checksums != errors.Is(err, errChecksum) {
			t.Errorf("with a byte changed: %v", err)
		}
		if err := p.Parse(rotate[:len(rotate)-1], &e); err == nil {
			t.Error("an event that is shorter than it says passes")
		}
	}
	unknown := formatEvent(false)
	unknown[len(unknown)-formatTail] = 7
	if err := (&Parser{}).Parse(unknown, &Event{}); err == nil {
		t.Error("an unknown algorithm of checksums passes")
	}
}

func TestWhatIsCutShortIsRefused(t *testing.T) {
	t.Parallel()
	for kind, body := range seeds {
		switch kind {
		case KindHeartbeat, KindXID, KindIncident, KindPayload, KindRotate, KindWriteRows, KindDeleteRowsV1:
			continue // anything is a name; the rest is not read here
		}
		read := func(n int) (err error) {
			e := &Event{Kind: kind, Body: body[:n]}
			switch kind {
			case KindHeartbeatV2:
				_, err = e.Heartbeat()
			case KindGTID, KindTaggedGTID:
				_, err = e.GTID()
			case KindMariaGTID:
				_, err = e.MariaGTID()
			case KindXAPrepare:
				_, err = e.XAPrepare()
			case KindTableMap:
				_, err = ReadTableMap(e.Body, false)
			default:
				_, err = e.Query()
			}
			return err
		}
		if err := read(len(body)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, n := range []int{0, 1, 5, 12} {
			if read(n) == nil && !(kind == KindHeartbeatV2 && n == 0) {
				t.Errorf("%s: %d bytes of %d pass", kind, n, len(body))
			}
		}
	}
}

func TestTaggedGTIDs(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"", "a", "a_tag_of_as_many_bytes_as_may_be_"} {
		g, err := (&Event{Kind: KindTaggedGTID, Body: tagged(tag, 1<<40, 1<<54)}).GTID()
		if err != nil || string(g.Tag) != tag || g.Number != 1<<40 || g.CommitTime != 1<<54 || g.ID[15] != 255 || g.ID[1] != 17 {
			t.Errorf("%+v %v", g, err)
		}
	}
}

func TestPayloadsAreReadOneEventAtATime(t *testing.T) {
	t.Parallel()
	large := whole(KindWriteRows, bytes.Repeat([]byte("0123456789abcdef"), 300_000), false)
	small := whole(KindXID, seeds[KindXID], false)
	var p Payload
	defer p.Close()
	for _, compression := range []uint64{compressionZstd, compressionNone, compressionZstd} {
		if err := p.Open(&Event{Body: payloadBody(compression, small, large, small, small)}); err != nil {
			t.Fatal(err)
		}
		var e Event
		for i, want := range [][]byte{small, large, small, small} {
			last, err := p.Next(&e)
			if err != nil || last != (i == 3) || !bytes.Equal(e.Body, want[headSize:]) {
				t.Fatalf("event %d: last %t, %d bytes, %v", i, last, len(e.Body), err)
			}
		}
		if _, err := p.Next(&e); err != io.EOF {
			t.Error(err)
		}
	}
	if err := p.Open(&Event{Body: payloadBody(9, small)}); err == nil {
		t.Error("an unknown algorithm passes")
	}
	packed := payloadBody(compressionZstd, small, small)
	for n := range len(packed) - 1 {
		var e Event
		if p.Open(&Event{Body: packed[:n]}) != nil {
			continue
		}
		for last, err := false, error(nil); err == nil; {
			if last, err = p.Next(&e); last {
				t.Fatalf("%d bytes of %d pass", n, len(packed))
			}
		}
	}
}

// TestMemoryOfAPayload: a transaction that unpacks to 256 MB is read in little memory.
func TestMemoryOfAPayload(t *testing.T) {
	t.Parallel()
	one := whole(KindWriteRows, make([]byte, 8000), false)
	events := make([][]byte, 32<<10)
	for i := range events {
		events[i] = one
	}
	body := payloadBody(compressionZstd, events...)
	events = nil
	var p Payload
	defer p.Close()
	if err := p.Open(&Event{Body: body}); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var e Event
	n := 0
	for last := false; !last; n++ {
		var err error
		if last, err = p.Next(&e); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; n != 32<<10 || grown > 64<<20 {
		t.Errorf("%d events took %d bytes of memory", n, grown)
	}
}

// TestEventsCostNoAllocation: what every transaction consists of.
func TestEventsCostNoAllocation(t *testing.T) {
	var parser Parser
	var e Event
	if err := parser.Parse(formatEvent(true), &e); err != nil {
		t.Fatal(err)
	}
	var events [][]byte
	for _, kind := range []Kind{KindGTID, KindTaggedGTID, KindMariaGTID, KindQuery, KindTableMap, KindWriteRows, KindXID, KindHeartbeatV2} {
		events = append(events, whole(kind, seeds[kind], true))
	}
	allocations := testing.AllocsPerRun(100, func() {
		for _, event := range events {
			if err := parser.Parse(event, &e); err != nil {
				t.Fatal(err)
			}
			var err error
			switch e.Kind {
			case KindGTID, KindTaggedGTID:
				_, err = e.GTID()
			case KindMariaGTID:
				_, err = e.MariaGTID()
			case KindQuery:
				_, err = e.Query()
			case KindTableMap:
				_, _, err = MapsTable(e.Body)
			case KindWriteRows:
				_, err = e.TableID()
			case KindHeartbeatV2:
				_, err = e.Heartbeat()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestChecksumsOfRowsThatNobodyReads(t *testing.T) {
	t.Parallel()
	for _, unread := range []bool{true, false} {
		p, e := Parser{RowsUnread: unread}, Event{}
		if err := p.Parse(formatEvent(true), &e); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []Kind{KindWriteRows, KindMariaDeleteRows, KindTableMap, KindGTID, KindQuery} {
			damaged := whole(kind, []byte("body"), true)
			damaged[headSize]++
			err := p.Parse(damaged, &e)
			if left := unread && kind.HasRows(); left != (err == nil) || !left && !errors.Is(err, errChecksum) {
				t.Errorf("unread %v, kind %s: %v", unread, kind, err)
			}
			if err == nil && string(e.Body) != "cody" {
				t.Errorf("kind %s: %q", kind, e.Body)
			}
		}
	}
}
