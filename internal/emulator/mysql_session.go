package emulator

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"time"
)

// Capabilities as StarRocks offers them: no DEPRECATE_EOF, no MULTI_STATEMENTS, no
// TRANSACTIONS, no SESSION_TRACK.
const (
	clientLongFlag             = 1 << 2
	clientConnectWithDB        = 1 << 3
	clientProtocol41           = 1 << 9
	clientSecure               = 1 << 15
	clientPluginAuth           = 1 << 19
	clientConnectAttrs         = 1 << 20
	clientPluginAuthLenc       = 1 << 21
	offeredCapabilities        = clientLongFlag | clientConnectWithDB | clientProtocol41 | clientSecure | clientPluginAuth | clientConnectAttrs | clientPluginAuthLenc
	nativePassword             = "mysql_native_password"
	statusAutocommit           = 2
	handshakeTimeout           = 30 * time.Second
	charsetUTF8, charsetBinary = 33, 63
)

const (
	comQuit            = 1
	comInitDB          = 2
	comQuery           = 3
	comFieldList       = 4
	comPing            = 14
	comChangeUser      = 17
	comStmtPrepare     = 22
	comStmtExecute     = 23
	comStmtClose       = 25
	comStmtReset       = 26
	comResetConnection = 31
)

// session is one connection to the query port, or the identity behind an HTTP request.
type session struct {
	server    *Server
	id        uint32
	user      string
	db        string
	remote    string
	vars      map[string]string
	userVars  map[string]value
	replaying bool      // statements of the journal: no privileges, no limits
	started   time.Time // of the statement that changes the catalog

	conn  *packetConn
	stmts map[uint32]*prepared
	last  uint32 // id of the last prepared statement
}

func (s *Server) serveQueries() {
	for {
		c, err := s.query.Accept()
		if err != nil {
			return
		}
		s.background.Go(func() { s.serveQueryConn(c) })
	}
}

func (s *Server) serveQueryConn(c net.Conn) {
	defer c.Close()
	ss := s.newSession("")
	ss.conn = newPacketConn(c)
	ss.remote, _, _ = net.SplitHostPort(c.RemoteAddr().String())
	s.sessions.Store(ss, c)
	defer s.sessions.Delete(ss)
	select {
	case <-s.closing:
		return
	default:
	}
	if err := ss.handshake(); err != nil {
		return
	}
	for {
		ss.conn.seq = 0
		payload, err := ss.conn.read()
		if err != nil || len(payload) == 0 || payload[0] == comQuit {
			return
		}
		if err := ss.command(payload[0], payload[1:]); err != nil {
			return
		}
		if err := ss.conn.w.Flush(); err != nil {
			return
		}
	}
}

func (s *Server) newSession(user string) *session {
	return &session{server: s, id: s.sessionID.Add(1), user: user, vars: map[string]string{}, userVars: map[string]value{}, stmts: map[uint32]*prepared{}}
}

func (ss *session) handshake() error {
	c := ss.conn
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	salt := newSalt()
	b := append([]byte{10}, ss.server.handshakeVersion()+"\x00"...)
	b = binary.LittleEndian.AppendUint32(b, ss.id)
	b = append(append(b, salt[:8]...), 0)
	caps := uint32(offeredCapabilities)
	b = binary.LittleEndian.AppendUint16(b, uint16(caps))
	b = append(b, charsetUTF8, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(caps>>16))
	b = append(b, byte(len(salt)+1))
	b = append(b, make([]byte, 10)...)
	b = append(append(b, salt[8:]...), 0)
	b = append(b, nativePassword+"\x00"...)
	if err := ss.send(b); err != nil {
		return err
	}
	payload, err := c.read()
	if err != nil {
		return err
	}
	f := &field{b: payload}
	client := f.uint32()
	f.take(4 + 1 + 23)
	ss.user = f.zeroTerminated()
	var answer []byte
	if client&clientPluginAuthLenc != 0 {
		answer = []byte(f.lenText())
	} else {
		answer = f.take(int(f.byte()))
	}
	db, plugin := "", nativePassword
	if client&clientConnectWithDB != 0 {
		db = f.zeroTerminated()
	}
	if client&clientPluginAuth != 0 {
		plugin = f.zeroTerminated()
	}
	if f.bad || client&clientProtocol41 == 0 {
		return ss.refuse(newSQLError(1043, "08S01", "Bad handshake"))
	}
	return ss.finishAuth(salt, answer, plugin, db)
}

func newSalt() []byte {
	salt := make([]byte, 20)
	_, _ = rand.Read(salt) // never fails
	for i := range salt {
		salt[i] = salt[i]&0x3f + 0x40 // no zero byte: the salt travels zero-terminated
	}
	return salt
}

func (ss *session) finishAuth(salt, answer []byte, plugin, db string) error {
	c := ss.conn
	if plugin != nativePassword {
		b := append([]byte{0xfe}, nativePassword+"\x00"...)
		salt = newSalt()
		if err := ss.send(append(append(b, salt...), 0)); err != nil {
			return err
		}
		var err error
		if answer, err = c.read(); err != nil {
			return err
		}
	}
	ss.server.catalog.mu.RLock()
	u := ss.server.catalog.users[ss.user]
	ok := u != nil && u.matchesScramble(salt, answer)
	ss.server.catalog.mu.RUnlock()
	if !ok {
		using := "YES"
		if len(answer) == 0 {
			using = "NO"
		}
		return ss.refuse(newSQLError(1045, "28000", "Access denied for user '%s' (using password: %s)", ss.user, using))
	}
	if db != "" {
		if err := ss.use(db); err != nil {
			return ss.refuse(err)
		}
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	c.limit = maxCommand
	if err := ss.writeOK(0, ""); err != nil {
		return err
	}
	return c.w.Flush()
}

func (ss *session) refuse(err error) error {
	return errors.Join(err, ss.writeError(err), ss.conn.w.Flush())
}

func (ss *session) send(payload []byte) error {
	if err := ss.conn.write(payload); err != nil {
		return err
	}
	return ss.conn.w.Flush()
}

// command runs one command; the error is that of the connection, not of the command.
func (ss *session) command(com byte, arg []byte) error {
	switch com {
	case comPing, comResetConnection, comStmtReset:
		if com == comResetConnection {
			ss.vars, ss.userVars, ss.stmts = map[string]string{}, map[string]value{}, map[uint32]*prepared{}
		}
		return ss.writeOK(0, "")
	case comInitDB:
		if err := ss.use(string(arg)); err != nil {
			return ss.writeError(err)
		}
		return ss.writeOK(0, "")
	case comQuery:
		return ss.commandQuery(string(arg))
	case comFieldList:
		return ss.commandFieldList(arg)
	case comStmtPrepare:
		return ss.commandPrepare(string(arg))
	case comStmtExecute:
		return ss.commandExecute(arg)
	case comStmtClose:
		f := &field{b: arg}
		delete(ss.stmts, f.uint32())
		return nil
	}
	return ss.writeError(newSQLError(1047, "08S01", "Unsupported command(%d)", com))
}

// outcome is the answer to a statement: rows, or a count with an info text.
type outcome struct {
	rows     *resultSet
	affected uint64
	info     string
}

func (ss *session) commandQuery(src string) error {
	fault := ss.server.faults.match(Fault{Op: "query", Contains: src})
	if fault != nil {
		ss.server.sleep(fault.Delay)
		if fault.DropBefore {
			return net.ErrClosed
		}
		if fault.Message != "" {
			return ss.writeError(ddlError("%s", fault.Message))
		}
	}
	out, err := ss.execute(src)
	if fault != nil && fault.DropAfter {
		return net.ErrClosed
	}
	if err != nil {
		return ss.writeError(err)
	}
	return ss.writeOutcome(out, false)
}

func (ss *session) commandFieldList(arg []byte) error {
	f := &field{b: arg}
	rel, err := ss.relation(tableName{table: f.zeroTerminated()})
	if err != nil {
		return ss.writeError(err)
	}
	for _, c := range rel.columns {
		if err := ss.conn.write(append(columnPacket(c), 0xfb)); err != nil {
			return err
		}
	}
	return ss.writeEOF()
}

func (ss *session) writeOutcome(out outcome, binary bool) error {
	if out.rows == nil {
		return ss.writeOK(out.affected, out.info)
	}
	if err := ss.writeColumns(out.rows.columns); err != nil {
		return err
	}
	var b []byte
	for _, row := range out.rows.rows {
		if binary {
			b = appendBinaryRow(b[:0], out.rows.columns, row)
		} else {
			b = b[:0]
			for i, v := range row {
				if v.kind == vNull {
					b = append(b, 0xfb)
				} else {
					b = appendLenText(b, v.printed(out.rows.columns[i].typ))
				}
			}
		}
		if err := ss.conn.write(b); err != nil {
			return err
		}
	}
	return ss.writeEOF()
}

func (ss *session) writeColumns(columns []resultColumn) error {
	if err := ss.conn.write(appendLenEnc(nil, uint64(len(columns)))); err != nil {
		return err
	}
	for _, c := range columns {
		if err := ss.conn.write(columnPacket(c)); err != nil {
			return err
		}
	}
	return ss.writeEOF()
}

func (ss *session) writeOK(affected uint64, info string) error {
	b := appendLenEnc([]byte{0}, affected)
	b = append(b, 0, statusAutocommit, 0, 0, 0)
	if info != "" {
		b = appendLenText(b, info)
	}
	return ss.conn.write(b)
}

func (ss *session) writeEOF() error { return ss.conn.write([]byte{0xfe, 0, 0, statusAutocommit, 0}) }

func (ss *session) writeError(err error) error {
	e, ok := errors.AsType[*sqlError](err)
	if !ok {
		e = &sqlError{code: 1064, state: "HY000", text: err.Error()}
	}
	e = ss.server.ofVersion(e)
	b := binary.LittleEndian.AppendUint16([]byte{0xff}, e.code)
	b = append(b, "#"+e.state+strings.ToValidUTF8(e.text, "?")...)
	return ss.conn.write(b)
}
