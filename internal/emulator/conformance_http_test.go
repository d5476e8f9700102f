package emulator

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// wireRequest is one HTTP request, written byte by byte: no client library decides about
// Expect, redirects or credentials.
type wireRequest struct {
	method, path, body string
	headers            []string
	proto              string // HTTP/1.1 unless given
	noExpect           bool
	stay               bool   // do not follow a redirect
	toBE               bool   // ask the backend, not the frontend
	login              string // user:password, by default the cluster's; "-" sends none
	cut                int    // send only this many bytes of the body, then end the stream
}

// loads is a stream load through the frontend into a table of the case's database.
func loads(table, body string, headers ...string) wireRequest {
	return wireRequest{method: "PUT", path: "/api/{db}/" + table + "/_stream_load", body: body, headers: headers}
}

// calls is any other request to the frontend.
func calls(method, path string, headers ...string) wireRequest {
	return wireRequest{method: method, path: path, headers: headers, noExpect: true}
}

func (q wireRequest) staying() wireRequest        { q.stay = true; return q }
func (q wireRequest) direct() wireRequest         { q.toBE = true; return q }
func (q wireRequest) withoutExpect() wireRequest  { q.noExpect = true; return q }
func (q wireRequest) as(login string) wireRequest { q.login = login; return q }
func (q wireRequest) http10() wireRequest         { q.proto, q.noExpect = "HTTP/1.0", true; return q }
func (q wireRequest) cutAfter(n int) wireRequest  { q.cut = n; return q }
func (q wireRequest) succeeds() step              { return q.gives(`{"Status":"Success","Message":"OK"}`) }
func (q wireRequest) fails(message string) step {
	return q.gives(jsonOf("Status", "Fail", "Message", message))
}

// wireReply is what came back.
type wireReply struct {
	status    int
	header    http.Header
	body      string
	continued bool // 100 Continue came first
	closes    bool
}

// wireWant is what must come back; zero fields are not checked.
type wireWant struct {
	status  int
	json    string   // a subset of the answer, see jsonMatches
	text    string   // a glob over the whole body
	headers []string // "Name: glob"
	closes  bool
	log     string // a glob over the document at ErrorURL
}

// gives sends a request and expects status 200 with at least these members.
func (q wireRequest) gives(subset string) step { return q.check(wireWant{status: 200, json: subset}) }

// jsonOf makes a JSON object of names and texts.
func jsonOf(pairs ...string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err.Error() // no JSON, so the case fails and shows it
	}
	return string(b)
}

func (q wireRequest) check(w wireWant) step {
	return func(r *caseRun) error {
		got, err := r.send(q)
		if err != nil {
			return fmt.Errorf("%s %s: %w", q.method, q.path, err)
		}
		r.mu.Lock()
		r.last = got
		r.mu.Unlock()
		if err := r.verify(w, got); err != nil {
			return fmt.Errorf("%s %s %q: %w\nanswer: %d %s", q.method, q.path, q.headers, err, got.status, got.body)
		}
		return nil
	}
}

func (r *caseRun) verify(w wireWant, got wireReply) error {
	if w.status != 0 && got.status != w.status {
		return fmt.Errorf("status %d, want %d", got.status, w.status)
	}
	if w.closes && !got.closes {
		return errors.New("the connection stays open")
	}
	for _, h := range w.headers {
		name, pattern, _ := strings.Cut(h, ": ")
		if !globMatch(r.fill(pattern), got.header.Get(name)) {
			return fmt.Errorf("header %s is %q, want %s", name, got.header.Get(name), pattern)
		}
	}
	if w.text != "" && !globMatch(r.fill(w.text), got.body) {
		return fmt.Errorf("want text %s", w.text)
	}
	var have, must any
	if w.json != "" || w.log != "" {
		if err := json.Unmarshal([]byte(got.body), &have); err != nil {
			return err
		}
	}
	if w.json != "" {
		if err := json.Unmarshal([]byte(r.fill(w.json)), &must); err != nil {
			return err
		}
		if !jsonMatches(must, have) {
			return fmt.Errorf("want %s", w.json)
		}
	}
	if w.log == "" {
		return nil
	}
	members, _ := have.(map[string]any)
	address, _ := members["ErrorURL"].(string)
	text, err := fetchLog(address)
	if err == nil && !globMatch(w.log, text) {
		err = fmt.Errorf("error log %q, want %q", text, w.log)
	}
	return err
}

func fetchLog(address string) (string, error) {
	if address == "" {
		return "", errors.New("no ErrorURL")
	}
	res, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// jsonMatches tells whether have holds at least what must says: every named member, null for
// a member that is absent, texts as globs, everything else as it is.
func jsonMatches(must, have any) bool {
	switch m := must.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		for k, v := range m {
			ok = ok && jsonMatches(v, h[k])
		}
		return ok
	case []any:
		h, ok := have.([]any)
		ok = ok && len(h) == len(m)
		for i := 0; ok && i < len(m); i++ {
			ok = jsonMatches(m[i], h[i])
		}
		return ok
	case string:
		h, ok := have.(string)
		return ok && (h == m || globMatch(m, h))
	}
	return reflect.DeepEqual(must, have)
}

// globMatch matches a text against a pattern in which * stands for anything.
func globMatch(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := len(parts) - 1
	for _, p := range parts[1:last] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return strings.HasSuffix(text, parts[last])
}

func TestGlobAndSubset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{{"a*c", "abc", true}, {"a*c", "ab", false}, {"a*b*b", "ab", false}, {"*", "", true}, {"a", "ab", false}, {"*x*", "axb", true}, {"ab*ba", "aba", false}} {
		if globMatch(c.pattern, c.text) != c.want {
			t.Errorf("%q on %q: not %v", c.pattern, c.text, c.want)
		}
	}
	for _, c := range []struct {
		must, have string
		want       bool
	}{
		{`{"a":1}`, `{"a":1,"b":2}`, true}, {`{"a":1}`, `{"a":2}`, false}, {`{"a":null}`, `{}`, true}, {`{"a":null}`, `{"a":1}`, false},
		{`{"a":"x*"}`, `{"a":"xy"}`, true}, {`{"a":"1"}`, `{"a":1}`, false}, {`[1]`, `[1,2]`, false}, {`{"a":{"b":1}}`, `{"a":{"b":1,"c":2}}`, true}, {`{}`, `[]`, false},
	} {
		var must, have any
		if err := errors.Join(json.Unmarshal([]byte(c.must), &must), json.Unmarshal([]byte(c.have), &have)); err != nil {
			t.Fatal(err)
		}
		if jsonMatches(must, have) != c.want {
			t.Errorf("%s in %s: not %v", c.must, c.have, c.want)
		}
	}
}

// send does a request, and a second one when the first is redirected.
func (r *caseRun) send(q wireRequest) (wireReply, error) {
	address := r.fe
	if q.toBE {
		address = r.be
	}
	path := r.fill(q.path)
	got, err := r.exchange(address, path, q)
	if err != nil || got.status != http.StatusTemporaryRedirect || q.stay {
		return got, err
	}
	if got.continued {
		return got, errors.New("the frontend asked for the body and then redirected")
	}
	to, err := url.Parse(got.header.Get("Location"))
	if err != nil {
		return got, err
	}
	return r.exchange(to.Host, to.RequestURI(), q)
}

func (r *caseRun) exchange(address, path string, q wireRequest) (wireReply, error) {
	u, err := r.begin(address, path, q, len(q.body))
	if err != nil {
		return wireReply{}, err
	}
	defer u.conn.Close()
	if u.early != nil {
		return *u.early, nil
	}
	body := q.body
	if q.cut > 0 {
		body = body[:q.cut]
	}
	if _, err := io.WriteString(u.conn, body); err != nil {
		return wireReply{}, err
	}
	if q.cut > 0 {
		if err := u.conn.(*net.TCPConn).CloseWrite(); err != nil {
			return wireReply{}, err
		}
	}
	return u.answer()
}

// wireUpload is a request whose head was sent.
type wireUpload struct {
	conn      net.Conn
	in        *bufio.Reader
	method    string
	continued bool
	early     *wireReply // the final answer, when it came in place of 100 Continue
}

// begin sends the head and, with Expect, waits for what the server makes of it.
func (r *caseRun) begin(address, path string, q wireRequest, length int) (*wireUpload, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	u := &wireUpload{conn: conn, in: bufio.NewReader(conn), method: q.method}
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if _, err := io.WriteString(conn, r.head(address, path, q, length)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if q.noExpect {
		return u, nil
	}
	got, err := u.read()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if u.continued = got.status == http.StatusContinue; !u.continued {
		u.early = &got
	}
	return u, nil
}

func (r *caseRun) head(address, path string, q wireRequest, length int) string {
	login := r.fill(q.login)
	if login == "" {
		login = r.user + ":" + r.password
	}
	proto := q.proto
	if proto == "" {
		proto = "HTTP/1.1"
	}
	lines := []string{q.method + " " + path + " " + proto, "Host: " + address, fmt.Sprintf("Content-Length: %d", length)}
	if login != "-" {
		lines = append(lines, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(login)))
	}
	if !q.noExpect {
		lines = append(lines, "Expect: 100-continue")
	}
	for _, h := range q.headers {
		lines = append(lines, r.fill(h))
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func (u *wireUpload) answer() (wireReply, error) {
	got, err := u.read()
	got.continued = u.continued
	return got, err
}

func (u *wireUpload) read() (wireReply, error) {
	res, err := http.ReadResponse(u.in, &http.Request{Method: u.method})
	if err != nil {
		return wireReply{}, err
	}
	got := wireReply{status: res.StatusCode, header: res.Header, closes: res.Close}
	if res.StatusCode == http.StatusContinue {
		return got, nil
	}
	b, err := io.ReadAll(res.Body)
	got.body = string(b)
	return got, errors.Join(err, res.Body.Close())
}

// opens starts a load on the backend and sends a part of its body: until finish, the
// label is that of a running transaction.
func opens(name string, q wireRequest, part string) step {
	return func(r *caseRun) error {
		u, err := r.begin(r.be, r.fill(q.path), q, len(q.body))
		if err != nil {
			return err
		}
		if u.early != nil {
			return fmt.Errorf("refused before the body: %s", u.early.body)
		}
		if _, err := io.WriteString(u.conn, part); err != nil {
			return err
		}
		r.open[name] = u
		return nil
	}
}

// finish sends the rest of a body and checks the answer.
func finish(name, rest, subset string) step {
	return func(r *caseRun) error {
		u := r.open[name]
		defer u.conn.Close()
		if _, err := io.WriteString(u.conn, rest); err != nil {
			return err
		}
		got, err := u.answer()
		if err != nil {
			return err
		}
		if err := r.verify(wireWant{status: 200, json: subset}, got); err != nil {
			return fmt.Errorf("%w\nanswer: %s", err, got.body)
		}
		return nil
	}
}

// labelState expects the state of a label, in the frontend's words.
func labelState(label, subset string) step {
	return calls("GET", "/api/{db}/get_load_state?label="+label).gives(subset)
}
