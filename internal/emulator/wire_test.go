package emulator

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// world is a server with clients that know only the wire.
type world struct {
	t *testing.T
	*Server
	db *sql.DB
}

func start(t *testing.T, cfg Config) *world {
	t.Helper()
	for _, a := range []*string{&cfg.QueryAddr, &cfg.HTTPAddr, &cfg.BEHTTPAddr} {
		if *a == "" {
			*a = "127.0.0.1:0"
		}
	}
	if cfg.PublishDelay == 0 {
		cfg.PublishDelay = -1
	}
	if cfg.DefaultReplication == 0 {
		cfg.DefaultReplication = 1
	}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{t: t, Server: s, db: open(t, s, "root", "", "")}
}

func open(t *testing.T, s *Server, user, password, options string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/?%s", user, password, s.QueryAddr(), options))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (w *world) exec(statements ...string) {
	w.t.Helper()
	for _, st := range statements {
		if _, err := w.db.Exec(st); err != nil {
			w.t.Fatalf("%s\n%v", st, err)
		}
	}
}

// queryRows gives rows as text, cells joined by | and NULL as NULL.
func queryRows(db *sql.DB, q string, args ...any) ([]string, error) {
	rows, err := db.Query(q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []string
	for rows.Next() {
		cells := make([]sql.NullString, len(cols))
		ptrs := make([]any, len(cols))
		for i := range cells {
			ptrs[i] = &cells[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return nil, err
		}
		var texts []string
		for _, c := range cells {
			if !c.Valid {
				c.String = "NULL"
			}
			texts = append(texts, c.String)
		}
		out = append(out, strings.Join(texts, "|"))
	}
	return out, rows.Err()
}

func (w *world) rows(q string) []string {
	w.t.Helper()
	out, err := queryRows(w.db, q)
	if err != nil {
		w.t.Fatalf("%s\n%v", q, err)
	}
	return out
}

func (w *world) expect(q string, want ...string) {
	w.t.Helper()
	if got := w.rows(q); strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("%s\n got %q\nwant %q", q, got, want)
	}
}

// refused checks code and a part of the message of a refused statement.
func refused(t *testing.T, db *sql.DB, st string, code uint16, part string) {
	t.Helper()
	_, err := db.Exec(st)
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		t.Errorf("%s\n got %v, want error %d", st, err, code)
		return
	}
	if my.Number != code || !strings.Contains(my.Message, part) {
		t.Errorf("%s\n got %d %s\nwant %d %s", st, my.Number, my.Message, code, part)
	}
}

type loadReply struct {
	TxnId                                                                       int64
	Label, Db, Table, Status, ExistingJobStatus, Message, ErrorURL              string
	NumberTotalRows, NumberLoadedRows, NumberFilteredRows, NumberUnselectedRows int64
	raw                                                                         string
}

var client = &http.Client{
	Transport:     &http.Transport{ExpectContinueTimeout: 5 * time.Second, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       20 * time.Second,
}

func put(url, user, password, body string, headers ...string) (*http.Response, string, error) {
	req, err := http.NewRequest(http.MethodPut, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, "", err
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	req.Header.Set("Expect", "100-continue")
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ":")
		if v == "" {
			req.Header.Del(k)
			continue
		}
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

// load goes through the frontend and follows the redirect by hand.
func (w *world) load(table, body string, headers ...string) loadReply {
	w.t.Helper()
	return w.loadAs("root", "", table, body, headers...)
}

func (w *world) loadAs(user, password, table, body string, headers ...string) loadReply {
	w.t.Helper()
	db, name, _ := strings.Cut(table, ".")
	url := "http://" + w.HTTPAddr() + "/api/" + db + "/" + name + "/_stream_load"
	res, text, err := put(url, user, password, body, headers...)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode != http.StatusTemporaryRedirect {
		w.t.Fatalf("frontend: %s %s", res.Status, text)
	}
	res, text, err = put(res.Header.Get("Location"), user, password, body, headers...)
	if err != nil {
		w.t.Fatal(err)
	}
	var reply loadReply
	if err := json.Unmarshal([]byte(text), &reply); err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("backend: %s %s: %v", res.Status, text, err)
	}
	reply.raw = text
	return reply
}

func (w *world) loaded(table, body string, headers ...string) {
	w.t.Helper()
	if r := w.load(table, body, headers...); r.Status != "Success" {
		w.t.Errorf("load %q: %s %s %s", body, r.Status, r.Message, w.errorLog(r))
	}
}

func (w *world) errorLog(r loadReply) string {
	w.t.Helper()
	if r.ErrorURL == "" {
		return ""
	}
	res, err := client.Get(r.ErrorURL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("error log: %s %v", res.Status, err)
	}
	return string(b)
}

func (w *world) get(method, path string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, "http://"+w.HTTPAddr()+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.SetBasicAuth("root", "")
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
