package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever the headers of an operation hold, the answer is the protocol's: a redirect, or
// JSON with a status.
func FuzzTransactionHeaders(f *testing.F) {
	f.Add("begin", "d", "t", "l", "600\n", "1\n", false)
	f.Add("load", "d", "t", "l", "timeout: 9\nformat: json\nstrip_outer_array: true", `[{"id":1}]`, true)
	f.Add("prepare", "d", "", "l", "prepared_timeout: -5\nchannel_id: 1", "x", true)
	f.Add("commit", "d", "t", "l", "transaction_type: multi", "", false)
	f.Add("rollback", "", "t", "l", "source_type: 12", "{", false)
	f.Add("list", "d", "t", "", "idle_transaction_timeout: 99999999999", "", true)
	s, err := Start(Config{QueryAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", BEHTTPAddr: "127.0.0.1:0", Version: "4.0", DefaultReplication: 1, PublishDelay: -1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	ss := s.newSession("root")
	for _, st := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)"} {
		if _, err := ss.execute(st); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, op, db, table, label, headers, body string, backend bool) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.SetBasicAuth("root", "")
		for _, line := range strings.Split(headers, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		for name, value := range map[string]string{"db": db, "table": table, "label": label} {
			r.Header.Set(name, value)
		}
		r.SetBasicAuth("root", "")
		w := httptest.NewRecorder()
		if backend {
			s.beTransaction(w, r, op)
		} else {
			s.feTransaction(w, r, op)
		}
		if w.Code == http.StatusTemporaryRedirect && !backend || backend && strings.EqualFold(op, "list") {
			return
		}
		var answer struct{ Status string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Status == "" || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %v\n%s", op, w.Code, err, w.Body)
		}
	})
}
