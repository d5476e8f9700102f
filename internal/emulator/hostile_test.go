package emulator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Whatever bytes arrive on the three ports, the server goes on answering, and when the
// clients have gone and what they began has ended it is what it was: as many goroutines, as
// much memory.
func TestHostileClients(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("STARFERRY_HOSTILE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("STARFERRY_HOSTILE_SEED=%d repeats this run", seed)
	w := start(t, Config{Version: "4.0", PublishDelay: -1})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT, v STRING) PRIMARY KEY(id)")
	attacks := map[string]hostility{
		"query": {w.QueryAddr(), hostileQuery}, "frontend": {w.HTTPAddr(), hostileHTTP}, "backend": {w.BEHTTPAddr(), hostileHTTP},
	}
	ports := sortedNames(attacks)
	round := func(n int) {
		for _, port := range ports {
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			slow := attacks[port].stall(t, rng)
			var wg sync.WaitGroup
			for range 4 {
				own := rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64()))
				wg.Go(func() {
					for range 25 {
						attacks[port].attack(own)
					}
				})
			}
			wg.Wait()
			if err := w.stillServes(n); err != nil {
				t.Fatalf("after round %d on the %s port: %v", n, port, err)
			}
			for _, c := range slow {
				_ = c.Close() // the server may have been first
			}
		}
	}
	round(0) // what stays once and for all: pools, caches, the connections of the test
	calm, memory := w.settled(t, 0)
	for n := 1; n <= 4; n++ {
		round(n)
	}
	after, grown := w.settled(t, calm)
	if after > calm {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before\n%s", after, calm, stacks[:runtime.Stack(stacks, true)])
	}
	if grown > memory+16<<20 {
		t.Errorf("%d MB in use, %d before", grown>>20, memory>>20)
	}
}

// hostility is a port and what comes to it.
type hostility struct {
	address string
	what    func(rng *rand.Rand) (chunks [][]byte, halfClose bool)
}

// attack sends what it has, in pieces, takes what comes back for a moment, and goes. That the
// server hangs up in the middle is right.
func (h hostility) attack(rng *rand.Rand) {
	c, err := net.DialTimeout("tcp", h.address, 5*time.Second)
	if err != nil {
		return // stillServes finds out
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // never fails on an open connection
	chunks, halfClose := h.what(rng)
	for _, b := range chunks {
		if _, err := c.Write(b); err != nil {
			break
		}
	}
	if halfClose {
		_ = c.(*net.TCPConn).CloseWrite() // the server may have hung up
		_, _ = io.Copy(io.Discard, c)     // until it does
		return
	}
	if rng.IntN(2) == 0 {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.Copy(io.Discard, c)
	}
	if rng.IntN(4) == 0 {
		_ = c.(*net.TCPConn).SetLinger(0) // and goes with a reset
	}
}

// stall opens connections that begin something and then say nothing more, for as long as
// the others go on.
func (h hostility) stall(t *testing.T, rng *rand.Rand) []net.Conn {
	var slow []net.Conn
	for range 8 {
		c, err := net.DialTimeout("tcp", h.address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
		chunks, _ := h.what(rng)
		if first := chunks[0]; len(first) > 0 {
			_, _ = c.Write(first[:1+rng.IntN(min(len(first), 1000))]) // a server that hangs up is right
		}
	}
	return slow
}

// settled waits until the goroutines are at most as many as they were and nothing of a client
// is left; it gives their number and the memory in use. Nothing signals the end of a
// connection that the client has dropped.
func (w *world) settled(t *testing.T, calm int) (goroutines int, memory uint64) {
	t.Helper()
	client.CloseIdleConnections()
	w.multi.cancelAll("the test is over")
	for _, c := range w.txns.list() { // an open transaction has a reader
		w.rollbackTxn(c.label, c, txnFail(statusAborted, "the test is over"), c.multi)
	}
	end := time.Now().Add(20 * time.Second)
	best := runtime.NumGoroutine()
	for same := 0; time.Now().Before(end) && (calm == 0 && same < 20 || calm > 0 && best > calm); {
		time.Sleep(20 * time.Millisecond)
		if n := runtime.NumGoroutine(); n < best {
			best, same = n, 0
		} else {
			same++
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return best, m.HeapAlloc
}

// stillServes asks each port for something sensible.
func (w *world) stillServes(n int) error {
	rows, err := queryRows(w.db, "SELECT 1")
	if err != nil || len(rows) != 1 {
		return fmt.Errorf("query: %q %w", rows, err)
	}
	for _, address := range []string{w.HTTPAddr(), w.BEHTTPAddr()} {
		res, err := client.Get("http://" + address + "/api/health")
		if err != nil {
			return err
		}
		if err := errors.Join(res.Body.Close()); err != nil || res.StatusCode != 200 {
			return fmt.Errorf("%s: %s %w", address, res.Status, err)
		}
	}
	if r := w.load("d.t", fmt.Sprintf("%d\tx\n", n)); r.Status != "Success" {
		return errors.New(r.raw)
	}
	return nil
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// pieces cuts a text at random, so that it arrives bit by bit.
func pieces(rng *rand.Rand, b []byte) [][]byte {
	var out [][]byte
	for len(b) > 0 && len(out) < 8 {
		n := 1 + rng.IntN(len(b))
		out, b = append(out, b[:n]), b[n:]
	}
	return append(out, b)
}

// mutated changes a few bytes of a text.
func mutated(rng *rand.Rand, text string) []byte {
	b := []byte(text)
	for range 1 + rng.IntN(6) {
		at := rng.IntN(len(b))
		switch rng.IntN(3) {
		case 0:
			b[at] = byte(rng.Uint32())
		case 1:
			b = append(b[:at:at], b[at+rng.IntN(len(b)-at):]...)
		default:
			b = append(b[:at:at], append(randomBytes(rng, rng.IntN(9)), b[at:]...)...)
		}
		if len(b) == 0 {
			return []byte{0}
		}
	}
	return b
}

const loginLine = "Authorization: Basic cm9vdDo=\r\n"

var httpRequests = []string{
	"PUT /api/d/t/_stream_load HTTP/1.1\r\nHost: x\r\n" + loginLine + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n1\ta\n",
	"PUT /api/d/t/_stream_load HTTP/1.1\r\nHost: x\r\n" + loginLine + "format: json\r\njsonpaths: [\"$.id\"]\r\ncolumns: id\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id\":1}\r\n0\r\n\r\n",
	"PUT /api/d/t/_stream_load HTTP/1.1\r\nHost: x\r\n" + loginLine + "format: gzip\r\nContent-Length: 9\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00",
	"PUT /api/d/t/_stream_load HTTP/1.1\r\nHost: x\r\n" + loginLine + "enable_merge_commit: true\r\nmerge_commit_interval_ms: 5\r\nmerge_commit_parallel: 1\r\nContent-Length: 4\r\n\r\n1\ta\n",
	"POST /api/transaction/begin HTTP/1.1\r\nHost: x\r\n" + loginLine + "db: d\r\ntable: t\r\nlabel: h\r\ntimeout: 60\r\n\r\n",
	"PUT /api/transaction/load HTTP/1.1\r\nHost: x\r\n" + loginLine + "db: d\r\ntable: t\r\nlabel: h\r\nContent-Length: 4\r\n\r\n1\ta\n",
	"POST /api/transaction/commit HTTP/1.1\r\nHost: x\r\n" + loginLine + "db: d\r\nlabel: h\r\ntransaction_type: multi\r\n\r\n",
	"GET /api/d/get_load_state?label=h HTTP/1.1\r\nHost: x\r\n" + loginLine + "\r\n", "POST /api/_faults HTTP/1.1\r\nHost: x\r\n" + loginLine + "Content-Length: 2\r\n\r\n{}",
}

func hostileHTTP(rng *rand.Rand) (chunks [][]byte, halfClose bool) {
	request := httpRequests[rng.IntN(len(httpRequests))]
	head, _, _ := strings.Cut(request, "\r\n\r\n")
	switch rng.IntN(12) {
	case 0:
		return pieces(rng, randomBytes(rng, 1+rng.IntN(4000))), rng.IntN(2) == 0
	case 1: // half a request
		return pieces(rng, []byte(request[:rng.IntN(len(request))])), rng.IntN(2) == 0
	case 2: // a head without end
		return [][]byte{[]byte(head + "\r\nx: "), []byte(strings.Repeat("y", rng.IntN(3<<20)))}, false
	case 3: // a thousand headers
		return [][]byte{[]byte(head + "\r\n"), []byte(strings.Repeat("columns: ((((((((\r\n", rng.IntN(2000))), []byte("\r\n")}, true
	case 4: // a body shorter than announced
		return [][]byte{[]byte(strings.Replace(request, "Content-Length: ", "Content-Length: 9", 1))}, rng.IntN(2) == 0
	case 5: // lengths that are none
		return [][]byte{[]byte(head + "\r\nContent-Length: " + []string{"-1", "99999999999999999999", "1\r\nContent-Length: 2", "x"}[rng.IntN(4)] + "\r\n\r\n" + request)}, true
	case 6: // broken chunks
		return [][]byte{[]byte("PUT /api/d/t/_stream_load HTTP/1.1\r\nHost: x\r\n" + loginLine + "Transfer-Encoding: chunked\r\n\r\nffffff\r\n1\ta\n"), randomBytes(rng, 50)}, rng.IntN(2) == 0
	case 7: // several at once
		return [][]byte{[]byte(strings.Repeat(request, 1+rng.IntN(5))), randomBytes(rng, 20)}, true
	case 8: // other protocols
		return [][]byte{[]byte([]string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x4e\x00\x00\x01\x85\xa6\x3f\x20"}[rng.IntN(3)])}, rng.IntN(2) == 0
	case 9: // paths
		return [][]byte{[]byte(strings.Replace(request, "/api/d/t", []string{"/api/%zz/t", "/api//", "/api/d/../../..", "/api/" + strings.Repeat("%41", 9000), "*"}[rng.IntN(5)], 1))}, true
	}
	return pieces(rng, mutated(rng, request)), rng.IntN(2) == 0
}

// framed is a packet of MySQL's protocol.
func framed(seq byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, payload...)
}

func hostileQuery(rng *rand.Rand) (chunks [][]byte, halfClose bool) {
	login := binary.LittleEndian.AppendUint32(nil, 1<<9|1<<15|1<<19)
	login = append(append(append(login, 0, 0, 0, 1, 33), make([]byte, 23)...), "root\x00\x00mysql_native_password\x00"...)
	switch rng.IntN(6) {
	case 0:
		return pieces(rng, randomBytes(rng, 1+rng.IntN(4000))), rng.IntN(2) == 0
	case 1: // a packet that is announced and does not come
		return [][]byte{{0xff, 0xff, 0xff, 1}, randomBytes(rng, rng.IntN(100))}, rng.IntN(2) == 0
	case 2:
		return pieces(rng, framed(1, mutated(rng, string(login)))), rng.IntN(2) == 0
	case 3: // half a login
		return [][]byte{framed(1, login)[:rng.IntN(len(login))]}, rng.IntN(2) == 0
	}
	chunks = [][]byte{framed(1, login)}
	for range 1 + rng.IntN(6) {
		command := byte(rng.IntN(34))
		payload := randomBytes(rng, rng.IntN(60))
		switch rng.IntN(4) {
		case 0:
			command, payload = comQuery, mutated(rng, "SELECT t.id, u.v FROM d.t JOIN d.t u ON t.id = u.id WHERE t.v LIKE '%x' ORDER BY 1")
		case 1:
			command, payload = comStmtPrepare, mutated(rng, "SELECT * FROM d.t WHERE id = ? AND v > ?")
		case 2:
			command, payload = comStmtExecute, append([]byte{1, 0, 0, 0, 0, 1, 0, 0, 0}, randomBytes(rng, rng.IntN(30))...)
		}
		chunks = append(chunks, framed(byte(rng.IntN(2)*rng.IntN(256)), append([]byte{command}, payload...)))
	}
	return append(chunks, randomBytes(rng, rng.IntN(10))), rng.IntN(2) == 0
}
