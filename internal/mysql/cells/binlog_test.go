package cells

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/mysql/binlog"
	"starferry/internal/testbed"
)

// position is the end of the server's log.
func position(t *testing.T, conn *sql.Conn, flavor testbed.Flavor) mysql.Position {
	t.Helper()
	statement := "SHOW BINARY LOG STATUS"
	if flavor == testbed.MariaDBFlavor {
		statement = "SHOW MASTER STATUS"
	}
	answer, err := conn.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	columns, _ := answer.Columns()
	into := make([]any, len(columns))
	var p mysql.Position
	for i := range into {
		into[i] = new(sql.RawBytes)
	}
	into[0], into[1] = &p.Name, &p.Pos
	if !answer.Next() {
		t.Fatal("the server has no binary log")
	}
	if err := answer.Scan(into...); err != nil {
		t.Fatal(err)
	}
	return p
}

// rowsEvent is a rows event of the log.
type rowsEvent struct {
	kind   binlog.Kind
	table  *binlog.TableMap
	oracle *replication.RowsEvent // go-mysql has read its head only
	body   []byte                 // what our decoder is given
	packed bool                   // it is compressed, or its transaction is
}

func (e *rowsEvent) name() string {
	return string(e.oracle.Table.Schema) + "." + string(e.oracle.Table.Table)
}

// readLog reads the log between two positions, hands over the rows events and counts the
// statements that are compressed.
func readLog(t *testing.T, s *testbed.Server, from, to mysql.Position, each func(e rowsEvent)) (packedStatements int) {
	t.Helper()
	bodies := make(chan []byte, 1<<20)
	flavor := mysql.MySQLFlavor
	if s.Flavor == testbed.MariaDBFlavor {
		flavor = mysql.MariaDBFlavor
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: uint32(7000 + time.Now().UnixNano()%100000), Flavor: flavor, Host: s.Host, Port: uint16(s.Port), User: s.User, Password: s.Password,
		MaxReconnectAttempts: 1, VerifyChecksum: true, Logger: slog.New(slog.DiscardHandler), RenderJSONAsMySQLText: true,
		RowsEventDecodeFunc: func(e *replication.RowsEvent, data []byte) error {
			bodies <- slices.Clone(data)
			_, err := e.DecodeHeader(data)
			return err
		},
	})
	defer syncer.Close()
	stream, err := syncer.StartSync(from)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	file := from.Name
	var outer, inner binlog.Parser
	maps := map[uint64]*binlog.TableMap{}
	take := func(p *binlog.Parser, e *replication.BinlogEvent, packed bool) {
		var own binlog.Event
		if err := p.Parse(e.RawData, &own); err != nil {
			t.Fatal(err)
		}
		switch event := e.Event.(type) {
		case *replication.TableMapEvent:
			m, err := binlog.ReadTableMap(slices.Clone(own.Body), s.Flavor == testbed.MariaDBFlavor)
			if err != nil {
				t.Fatal(err)
			}
			maps[m.ID] = m
		case *replication.RowsEvent:
			each(rowsEvent{own.Kind, maps[event.TableID], event, <-bodies, packed || events[own.Kind].compressed})
		case *replication.QueryEvent:
			q, err := own.Query()
			if err != nil || !bytes.Equal(q.Text, event.Query) {
				t.Errorf("a statement is %q (%v), go-mysql says %q", q.Text, err, event.Query)
			}
			if own.Kind == binlog.KindMariaQuery {
				packedStatements++
			}
		}
	}
	for {
		e, err := stream.GetEvent(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch event := e.Event.(type) {
		case *replication.RotateEvent:
			file = string(event.NextLogName)
		case *replication.TransactionPayloadEvent:
			for _, one := range event.Events {
				take(&inner, one, true)
			}
		}
		take(&outer, e, false)
		if file == to.Name && e.Header.LogPos >= to.Pos {
			return packedStatements
		}
	}
}
