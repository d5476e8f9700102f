package emulator

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// TestVisibleFeed: a line for every transaction, in the order in which they become
// visible, for the administrator only; also of rows that are not kept.
func TestVisibleFeed(t *testing.T) {
	t.Parallel()
	for _, discard := range []bool{false, true} {
		w := start(t, Config{Discard: discard})
		w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)", "CREATE USER u")
		if res := w.feed("u"); res.StatusCode != http.StatusForbidden {
			t.Error(res.Status)
		}
		res := w.feed("root")
		if res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
		w.loaded("d.t", "1\n2\n")
		w.loaded("d.t", "3\n")
		w.loaded("d.t", `{"id":4}`, "format: json")
		lines := json.NewDecoder(res.Body)
		var last visibleEvent
		for _, want := range []int64{2, 1, 1} {
			var e visibleEvent
			if err := lines.Decode(&e); err != nil {
				t.Fatal(err)
			}
			if len(e.Tables) != 1 || e.Tables[0] != (visibleTable{"d", "t", want}) || e.Committed < last.Visible || e.Visible < e.Committed {
				t.Errorf("%+v behind %+v", e, last)
			}
			last = e
		}
	}
}

// TestVisibleFeedCutsOffWhoDoesNotRead: it does not keep everything for ever.
func TestVisibleFeedCutsOffWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	var f visibleFeed
	r := f.join()
	r.events = make([]visibleEvent, maxUnreadEvents-1)
	for _, want := range []bool{false, true, true} {
		f.tell(nil, time.Now())
		if r.late != want || r.late && r.events != nil {
			t.Error(r.late, len(r.events))
		}
	}
	f.leave(r)
	if len(f.readers) != 0 {
		t.Error("it has not left")
	}
}

func (w *world) feed(user string) *http.Response {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+w.HTTPAddr()+"/api/_visible", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.SetBasicAuth(user, "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}
