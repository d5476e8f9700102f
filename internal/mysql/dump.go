package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/packets"
)

// A dump connection asks for the log and reads its events. Login, TLS and the commands
// are go-mysql's; its BinlogSyncer is not used: it draws a new replica UUID for every
// connection, so that two readers with one server id would never notice each other,
// hands events on by count and not by bytes, allocates dozens of times for each, and
// asks for heartbeats whose offset wraps at 4 GiB.
type dump struct {
	conn    *client.Conn
	raw     net.Conn // closed by any goroutine; conn belongs to the reader
	silence time.Duration
	in      *packets.Reader // from the dump command on
	parser  binlog.Parser
	event   binlog.Event // the one at hand
	// heard: the server has begun to send.
	heard bool
}

const (
	heartbeatV2      = 0x0002 // flag of COM_BINLOG_DUMP_GTID (MySQL ≥ 8.0.26): 64-bit offsets in heartbeats
	dumpNetTimeout   = 3600   // s the server waits while our side is full
	mariaNetTimeout  = 600    // s; it also is how long a reader of MariaDB may have to wait for its predecessor
	comRegisterSlave = 0x15
)

// openDump logs in and asks for the log behind from.
func (s *Source) openDump(ctx context.Context, from change.Position) (*dump, error) {
	d, err := s.dialDump(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.dumpID = d.conn.GetConnectionID()
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, d.close)
	defer stop()
	if err := d.prepare(s, replicaUUID(s.config.ServerID)); err != nil {
		d.close()
		return nil, err
	}
	if err := d.register(s); err != nil {
		d.close()
		return nil, s.queryProblem("registering as a replica", err)
	}
	if err := d.ask(s, from, s.config.ServerID); err != nil {
		d.close()
		return nil, s.queryProblem("asking for the binary log", err)
	}
	return d, nil
}

// begun is when a file of the log was begun, by the server's clock: its first event
// says so.
func (s *Source) begun(ctx context.Context, file string) (uint32, error) {
	d, err := s.dialDump(ctx)
	if err != nil {
		return 0, s.reconnectProblem(err)
	}
	defer d.close()
	stop := context.AfterFunc(ctx, d.close)
	defer stop()
	if err := d.prepare(s, ""); err != nil {
		return 0, err
	}
	at := change.Position{File: file, Offset: 4}
	if err := d.askFile(at, nobody); err != nil {
		return 0, s.queryProblem("asking for the binary log", err)
	}
	for {
		e, err := d.next()
		if err != nil {
			return 0, s.dumpProblem(err, at)
		}
		if e.Kind == binlog.KindFormat {
			return e.Time, nil
		}
	}
}

// dialDump logs in.
func (s *Source) dialDump(ctx context.Context) (*dump, error) {
	conn, raw, err := s.logIn(ctx, func(c *client.Conn) {
		c.SetAttributes(map[string]string{"_client_role": "binary_log_listener"})
		c.ReadTimeout = s.config.Silence // heartbeats included
	})
	if err != nil {
		return nil, err
	}
	return &dump{conn: conn, raw: raw, silence: s.config.Silence}, nil
}

// prepare sets what the server's dump thread looks at.
func (d *dump) prepare(s *Source, uuid string) error {
	netTimeout := dumpNetTimeout
	if s.server.Flavor == MariaDB {
		netTimeout = mariaNetTimeout
	}
	statements := []string{
		// Says that checksums are understood; the algorithm is the server's own.
		"SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum",
		fmt.Sprintf("SET @master_heartbeat_period = %d, @source_heartbeat_period = %[1]d", s.config.Heartbeat.Nanoseconds()),
		fmt.Sprintf("SET SESSION net_write_timeout = %d, SESSION net_read_timeout = %[1]d", netTimeout),
	}
	if uuid != "" {
		statements = append(statements, fmt.Sprintf("SET @slave_uuid = '%s', @replica_uuid = '%[1]s'", uuid))
	}
	if s.server.Flavor == MariaDB {
		// 4: GTID events are understood.
		statements = append(statements, "SET @mariadb_slave_capability = 4")
	}
	for _, statement := range statements {
		if _, err := d.conn.Execute(statement); err != nil {
			return s.queryProblem(statement, err)
		}
	}
	r, err := d.conn.Execute(s.identityQuery())
	if err != nil {
		return s.queryProblem("asking the server who it is", err)
	}
	parts := make([]string, 4)
	for i := range parts {
		if parts[i], err = r.GetString(0, i); err != nil {
			return s.queryProblem("asking the server who it is", err)
		}
	}
	if id := identity(s.server.Flavor, parts[0], parts[1], parts[2], parts[3]); id != s.server.ID {
		return s.otherServer(id)
	}
	return nil
}

// replicaUUID is the same for every connection with one server id: the server then
// ends the older of two.
func replicaUUID(serverID uint32) string {
	id := sha256.Sum256(fmt.Appendf(nil, "starferry replica %d", serverID))
	id[6] = id[6]&0x0f | 0x80 // version 8: made by a rule of one's own
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

// register makes the reader visible in SHOW REPLICAS.
func (d *dump) register(s *Source) error {
	packet := []byte{0, 0, 0, 0, comRegisterSlave}
	packet = binary.LittleEndian.AppendUint32(packet, s.config.ServerID)
	for _, text := range []string{"starferry", "", ""} { // host, user, password: for people
		packet = append(packet, byte(len(text)))
		packet = append(packet, text...)
	}
	packet = append(packet, 0, 0)       // port
	packet = append(packet, 0, 0, 0, 0) // rank, unused
	packet = append(packet, 0, 0, 0, 0) // source id
	d.conn.ResetSequence()
	if err := d.conn.WritePacket(packet); err != nil {
		return err
	}
	_, err := d.conn.ReadOKPacket()
	return err
}

// nobody is the server id of who only looks into the log: it ends no other reader, and is
// itself ended where the log ends.
const nobody = 0

// errEnd is the end of the log, of which only nobody is told.
var errEnd = errors.New("the server ended the stream")

// ask sends the dump command.
func (d *dump) ask(s *Source, from change.Position, serverID uint32) error {
	d.conn.ResetSequence()
	if s.server.Flavor == MySQL && s.opensByGTID(from) {
		set, err := gomysql.ParseMysqlGTIDSet(from.GTIDs)
		if err != nil {
			return err
		}
		flags := uint16(0)
		if s.server.atLeast(8, 0, 26) {
			flags |= heartbeatV2
		}
		encoded := set.Encode()
		packet := []byte{0, 0, 0, 0, gomysql.COM_BINLOG_DUMP_GTID}
		packet = binary.LittleEndian.AppendUint16(packet, flags)
		packet = binary.LittleEndian.AppendUint32(packet, serverID)
		packet = binary.LittleEndian.AppendUint32(packet, 0) // no file name
		packet = binary.LittleEndian.AppendUint64(packet, 4)
		packet = binary.LittleEndian.AppendUint32(packet, uint32(len(encoded)))
		return d.send(append(packet, encoded...))
	}
	if s.opensByGTID(from) {
		for _, statement := range []string{
			"SET @slave_connect_state = " + literal(from.GTIDs),
			// A transaction that is not in the log is an error, not a gap.
			"SET @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0",
		} {
			if _, err := d.conn.Execute(statement); err != nil {
				return err
			}
		}
		from = change.Position{Offset: 4}
	}
	return d.askFile(from, serverID)
}

// askFile asks by file and offset, which has 32 bits in this command: checkLog
// refuses anything beyond.
func (d *dump) askFile(from change.Position, serverID uint32) error {
	d.conn.ResetSequence()
	packet := []byte{0, 0, 0, 0, gomysql.COM_BINLOG_DUMP}
	packet = binary.LittleEndian.AppendUint32(packet, uint32(from.Offset))
	packet = binary.LittleEndian.AppendUint16(packet, 0)
	packet = binary.LittleEndian.AppendUint32(packet, serverID)
	return d.send(append(packet, from.File...))
}

// send sends the dump command. The answer never ends: from here on the packets are read by
// our own reader, behind which the client is not asked any more.
func (d *dump) send(packet []byte) error {
	if err := d.conn.WritePacket(packet); err != nil {
		return err
	}
	d.in = packets.NewReader(d.conn.Conn.Conn, d.silence) // the one below TLS or with it
	return nil
}

// next reads and frames the next event of the log, which is good until the next call.
func (d *dump) next() (*binlog.Event, error) {
	packet, err := d.in.Next()
	if err != nil {
		var timeout net.Error
		if !d.heard && errors.As(err, &timeout) && timeout.Timeout() {
			return nil, &silentError{err}
		}
		return nil, err
	}
	d.heard = true
	if len(packet) == 0 {
		return nil, errors.New("the server sent an empty packet")
	}
	switch packet[0] {
	case gomysql.ERR_HEADER:
		return nil, d.conn.HandleErrorPacket(packet)
	case gomysql.EOF_HEADER:
		return nil, errEnd
	}
	if err := d.parser.Parse(packet[1:], &d.event); err != nil {
		return nil, &parseError{err}
	}
	return &d.event, nil
}

// drained tells whether the next event may have to be waited for.
func (d *dump) drained() bool { return !d.in.Buffered() }

// parseError is an event that arrived and cannot be read: reading it again will not
// help.
type parseError struct{ cause error }

func (e *parseError) Error() string { return e.cause.Error() }
func (e *parseError) Unwrap() error { return e.cause }

// dumpError is the end of a connection's events: what it says is the server's or the network's.
type dumpError struct{ error }

func (e *dumpError) Unwrap() error { return e.error }

// close may be called twice; what it answers then is of no interest.
func (d *dump) close() { _ = d.raw.Close() }
