package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// fault calls /api/_faults and gives the status and the answer.
func (w *world) fault(method, path, user, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, "http://"+w.HTTPAddr()+"/api/_faults"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, "")
	}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (w *world) addFault(body string) int {
	w.t.Helper()
	status, text := w.fault("POST", "", "root", body)
	var rule struct{ ID int }
	if err := json.Unmarshal([]byte(text), &rule); err != nil || status != 200 || rule.ID == 0 {
		w.t.Fatalf("%s\n%d %s", body, status, text)
	}
	return rule.ID
}

func faultWorld(t *testing.T, cfg Config) *world {
	w := start(t, cfg)
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v INT) PRIMARY KEY(k)")
	return w
}

func TestFaultEndpoint(t *testing.T) {
	t.Parallel()
	w := faultWorld(t, Config{})
	w.exec("CREATE USER u", "GRANT INSERT ON TABLE d.t TO u")
	const rule = `{"op": "be-load", "table": "t", "failure": "too-many-versions", "skip": 1, "count": 1}`
	for user, want := range map[string]int{"": 401, "u": 403, "nobody": 401} {
		if status, text := w.fault("POST", "", user, rule); status != want {
			t.Errorf("as %q: %d %s", user, status, text)
		}
	}
	id := w.addFault(rule)
	w.loaded("d.t", "1\t1\n")
	if got := w.load("d.t", "2\t2\n"); got.Status != "Fail" || !strings.Contains(got.Message, "too many versions, current/limit") {
		t.Errorf("%+v", got)
	}
	w.loaded("d.t", "2\t2\n")
	status, text := w.fault("GET", "", "root", "")
	var list []struct {
		ID, Seen, Done int
		Op, Message    string
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || status != 200 || len(list) != 1 || list[0].ID != id || list[0].Seen != 3 || list[0].Done != 1 || list[0].Op != "be-load" {
		t.Errorf("%d %s", status, text)
	}
	other := w.addFault(`{"op": "query", "contains": "SELECT 1", "message": "out of luck"}`)
	refused(t, w.db, "SELECT 1", 1064, "out of luck")
	if status, text := w.fault("DELETE", fmt.Sprintf("/%d", other), "root", ""); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	w.expect("SELECT 1", "1")
	if status, _ := w.fault("DELETE", fmt.Sprintf("/%d", other), "root", ""); status != 404 {
		t.Errorf("removed twice: %d", status)
	}
	if status, text := w.fault("DELETE", "", "root", ""); status != 200 || !strings.Contains(text, `"removed": 1`) {
		t.Errorf("%d %s", status, text)
	}
	if _, text := w.fault("GET", "", "root", ""); strings.TrimSpace(text) != "[]" {
		t.Errorf("left: %s", text)
	}
	if status, _ := w.fault("PUT", "", "root", rule); status != 405 {
		t.Errorf("PUT: %d", status)
	}
}

func TestFaultRulesAreChecked(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	for body, part := range map[string]string{
		``:                                                       "EOF",
		`{"op": "be-load"}`:                                      "does nothing",
		`{"op": "be-loads", "drop": "before"}`:                   `op \"be-loads\": want one of`,
		`{"op": "be-load", "dorp": "before"}`:                    "unknown field",
		`{"op": "be-load", "drop": "never"}`:                     "want before or after",
		`{"op": "be-load", "delay": "3"}`:                        "want a time such as",
		`{"op": "be-load", "failure": "x"}`:                      "too-many-versions",
		`{"op": "be-txn-begin", "failure": "lock-timeout"}`:      "be-load, be-txn-commit, fe-txn-commit",
		`{"op": "be-load", "status": 99}`:                        "want 200 to 599",
		`{"op": "be-load", "body": "x", "delay": "1s"}`:          "a body needs a status",
		`{"op": "publish", "status": 503}`:                       "op publish cannot do status",
		`{"op": "fe-load", "drop": "after"}`:                     "op fe-load cannot do drop after",
		`{"op": "query", "event": "flood"}`:                      "be-restart",
		`{"op": "query", "statement": "ALTER TABLE"}`:            "Getting syntax error",
		`{"op": "query", "skip": -1, "drop": "before"}`:          "cannot be negative",
		`{"op": "query", "drop": "before"} {}`:                   "nothing after it",
		`{"op": "alter", "statement": "DROP TABLE d.t"}`:         "op alter cannot do statement",
		`{"op": "query", "message": "x", "failure": "memory-l"}`: "want one of",
	} {
		if status, text := w.fault("POST", "", "root", body); status != 400 || !strings.Contains(text, part) {
			t.Errorf("%s\n%d %s want %s", body, status, text, part)
		}
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	t.Run("status on a port", func(t *testing.T) {
		t.Parallel()
		w := faultWorld(t, Config{})
		w.addFault(`{"op": "fe", "path": "/api/d/t/", "status": 503, "body": "try later", "count": 1}`)
		resp, text, err := put("http://"+w.HTTPAddr()+"/api/d/t/_stream_load", "root", "", "1\t1\n")
		if err != nil || resp.StatusCode != 503 || text != "try later" {
			t.Errorf("%v %q %v", resp, text, err)
		}
		w.loaded("d.t", "1\t1\n")
	})
	t.Run("the answer is lost", func(t *testing.T) {
		t.Parallel()
		w := faultWorld(t, Config{})
		w.addFault(`{"op": "be", "label": "lost", "drop": "after", "count": 1}`)
		if _, text, err := put("http://"+w.BEHTTPAddr()+"/api/d/t/_stream_load", "root", "", "1\t1\n", "label: lost-1"); err == nil {
			t.Errorf("answered %s", text)
		}
		if state := w.LabelState("d", "lost-1"); state != "VISIBLE" {
			t.Errorf("state %s", state)
		}
	})
	t.Run("redirect elsewhere", func(t *testing.T) {
		t.Parallel()
		w := faultWorld(t, Config{})
		w.addFault(`{"op": "fe-load", "redirect": "192.0.2.1:1"}`)
		req, err := http.NewRequest("PUT", "http://"+w.HTTPAddr()+"/api/d/t/_stream_load", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("root", "")
		req.Header.Set("Expect", "100-continue")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if to := resp.Header.Get("Location"); to != "http://192.0.2.1:1/api/d/t/_stream_load" {
			t.Errorf("to %s", to)
		}
	})
	t.Run("somebody else's ALTER", func(t *testing.T) {
		t.Parallel()
		w := faultWorld(t, Config{})
		w.addFault(`{"op": "be-load", "statement": "ALTER TABLE d.t ADD COLUMN theirs INT", "count": 1}`)
		w.loaded("d.t", "1\t1\t5\n")
		w.expect("SELECT * FROM d.t", "1|1|5")
		w.addFault(`{"op": "be-load", "statement": "ALTER TABLE d.t ADD COLUMN theirs INT"}`)
		w.loaded("d.t", "1\t1\t6\n")
		if _, text := w.fault("GET", "", "root", ""); !strings.Contains(text, "already exists in base table: theirs") {
			t.Errorf("the refused statement is not told: %s", text)
		}
	})
	t.Run("visible later", func(t *testing.T) {
		t.Parallel()
		w := faultWorld(t, Config{})
		id := w.addFault(`{"op": "publish", "table": "t", "hold": true}`)
		if got := w.load("d.t", "1\t1\n", "timeout: 1", "label: l"); got.Status != "Publish Timeout" {
			t.Errorf("%+v", got)
		}
		if state := w.LabelState("d", "l"); state != "COMMITTED" {
			t.Errorf("state %s", state)
		}
		w.fault("DELETE", fmt.Sprintf("/%d", id), "root", "")
		if err := w.Settle(t.Context(), "d", "t"); err != nil {
			t.Fatal(err)
		}
		w.expect("SELECT * FROM d.t", "1|1")
	})
	t.Run("events", func(t *testing.T) {
		t.Parallel()
		w := faultWorld(t, Config{})
		w.addFault(`{"op": "be-load", "event": "be-restart", "count": 1}`)
		if _, text, err := put("http://"+w.BEHTTPAddr()+"/api/d/t/_stream_load", "root", "", "1\t1\n"); err == nil {
			t.Errorf("the restarted backend answered %s", text)
		}
		w.loaded("d.t", "1\t1\n")
		conn, err := w.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.ChangeLeader()
		if err := conn.PingContext(t.Context()); err == nil {
			t.Error("a connection outlived the leader")
		}
		_ = conn.Close()
		w.expect("SELECT count(*) FROM d.t", "1")
	})
	t.Run("slow alter", func(t *testing.T) {
		t.Parallel()
		w := faultWorld(t, Config{AlterInterval: time.Hour})
		w.addFault(`{"op": "alter", "delay": "1h"}`)
		w.exec("ALTER TABLE d.t MODIFY COLUMN v BIGINT")
		w.RunAlterJobs()
		w.RunAlterJobs()
		w.wantAlter("t", "RUNNING")
	})
}
