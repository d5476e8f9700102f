package binlog

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// TestRealLogsReadAsTheOracleDoes compares every event of logs that servers wrote.
func TestRealLogsReadAsTheOracleDoes(t *testing.T) {
	t.Parallel()
	rows := []string{
		"CREATE TABLE x.t (id INT PRIMARY KEY AUTO_INCREMENT, d DECIMAL(10,2), c CHAR(255), v VARCHAR(500), j JSON, e ENUM('a','b'), s SET('x','y'), b BIT(9), ts TIMESTAMP(6) NULL, g GEOMETRY, y YEAR, f FLOAT, bl LONGBLOB)",
		"INSERT INTO x.t (d, c, v, j, e, s, b, ts, y, f, bl) VALUES (1.5, 'c', 'v', '{\"a\": [1, 2]}', 'a', 'x,y', 5, '2024-02-29 01:02:03.5', 2024, 1.5, REPEAT('z', 300)), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
		"INSERT INTO x.t (v, bl) SELECT v, REPEAT('q', 3000) FROM x.t",
		"UPDATE x.t SET v = CONCAT('new', id)", "DELETE FROM x.t WHERE id = 1",
		"SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+03:00'", "ALTER TABLE x.t ADD COLUMN \"more\" INT DEFAULT 7",
		"XA START 'one', 'branch', 5", "INSERT INTO x.t (v) VALUES ('xa')", "XA END 'one', 'branch', 5", "XA PREPARE 'one', 'branch', 5", "XA COMMIT 'one', 'branch', 5",
		"XA START 'two'", "INSERT INTO x.t (v) VALUES ('xa')", "XA END 'two'", "XA COMMIT 'two' ONE PHASE",
		"BEGIN", "INSERT INTO x.t (v) VALUES ('1')", "SAVEPOINT here", "INSERT INTO x.t (v) VALUES ('2')", "COMMIT",
		"FLUSH BINARY LOGS", "TRUNCATE TABLE x.t",
	}
	for name, c := range map[string]struct {
		server func(t *testing.T) *testbed.Server
		more   []string
		kinds  []Kind
	}{
		"mysql": {
			func(t *testing.T) *testbed.Server { return testbed.MySQL(t, "--binlog-row-metadata=FULL") },
			[]string{"SET SESSION gtid_next = 'AUTOMATIC:some_tag'", "INSERT INTO x.t (v) VALUES ('tagged')", "SET SESSION gtid_next = 'AUTOMATIC'",
				"SET SESSION binlog_transaction_compression = ON", "INSERT INTO x.t (v, bl) VALUES ('packed', REPEAT('r', 100000)), ('too', 'x')",
				"SET SESSION binlog_row_value_options = 'PARTIAL_JSON'", "UPDATE x.t SET j = JSON_SET(j, '$.a', 2)"},
			[]Kind{KindRotate, KindFormat, KindPreviousGTIDs, KindGTID, KindTaggedGTID, KindQuery, KindTableMap, KindWriteRows, KindUpdateRows, KindDeleteRows, KindXID, KindXAPrepare, KindPayload},
		},
		"mysql without": {
			func(t *testing.T) *testbed.Server {
				return testbed.MySQL(t, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF", "--binlog-checksum=NONE")
			},
			nil, []Kind{KindAnonymousGTID, KindFormat, KindQuery, KindTableMap, KindXID},
		},
		"mariadb": {
			func(t *testing.T) *testbed.Server {
				return testbed.MariaDB(t, "--binlog-row-metadata=FULL", "--log-bin-compress=ON", "--log-bin-compress-min-len=256")
			},
			[]string{"INSERT INTO x.t (v) VALUES ('1')", "ALTER TABLE x.t COMMENT '" + string(slices.Repeat([]byte("long "), 100)) + "'"},
			[]Kind{KindRotate, KindFormat, KindMariaGTID, KindMariaGTIDList, KindMariaCheckpoint, KindQuery, KindMariaQuery, KindTableMap, KindMariaWriteRows, KindMariaUpdateRows, KindXID, KindXAPrepare},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := c.server(t)
			statements := slices.Concat([]string{"CREATE DATABASE x"}, rows, c.more, []string{"CREATE DATABASE the_end"})
			server.Exec(t, statements...)
			seen := compareLog(t, server)
			for _, kind := range c.kinds {
				if seen[kind] == 0 {
					t.Errorf("no event of kind %s in %v", kind, seen)
				}
			}
		})
	}
}

// compareLog reads a server's log from its first file to the statement that ends it.
func compareLog(t *testing.T, server *testbed.Server) map[Kind]int {
	t.Helper()
	var file string
	if err := server.DB().QueryRow("SHOW BINARY LOGS").Scan(anyColumns(server, &file)...); err != nil {
		t.Fatal(err)
	}
	flavor := gomysql.MySQLFlavor
	if server.Flavor == testbed.MariaDBFlavor {
		flavor = gomysql.MariaDBFlavor
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{ServerID: uint32(8000 + time.Now().UnixNano()%100000), Flavor: flavor,
		Host: server.Host, Port: uint16(server.Port), User: server.User, Password: server.Password, VerifyChecksum: true, Logger: slog.New(slog.DiscardHandler)})
	defer syncer.Close()
	stream, err := syncer.StartSync(gomysql.Position{Name: file, Pos: 4})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var parser Parser
	seen := map[Kind]int{}
	for {
		theirs, err := stream.GetEvent(ctx)
		if err != nil {
			t.Fatalf("%v after %v", err, seen)
		}
		var own Event
		if err := parser.Parse(theirs.RawData, &own); err != nil {
			t.Fatal(err)
		}
		seen[own.Kind]++
		if rotate, ok := theirs.Event.(*replication.RotateEvent); ok && !parser.described {
			rotate.NextLogName = rotate.NextLogName[:len(own.Body)-8] // before the format, go-mysql leaves a checksum in
		}
		if err := differences(&own, theirs); err != nil {
			t.Errorf("%T: %v", theirs.Event, err)
		}
		if query, ok := theirs.Event.(*replication.QueryEvent); ok && string(query.Query) == "CREATE DATABASE the_end" {
			return seen
		}
	}
}

// anyColumns takes the first column of an answer.
func anyColumns(server *testbed.Server, first *string) []any {
	columns := []any{first, new(any)}
	if server.Flavor == testbed.MySQLFlavor {
		columns = append(columns, new(any))
	}
	return columns
}
