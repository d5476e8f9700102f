package starrocks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// cluster is one frontend and one backend that answer as told.
type cluster struct {
	fe, be *httptest.Server

	mu         sync.Mutex
	bodies     []string          // loads the backend received
	header     http.Header       // of the last load at the backend
	states     []string          // answers to get_load_state, the last one for ever
	asked      []string          // other requests at the frontend
	reply      string            // of the backend to a load
	hangUp     bool              // the backend reads the body and closes the connection
	logs       string            // at the ErrorURL
	fe200      string            // the frontend answers this itself
	feCode     int               // with this code
	leave      bool              // the backend hangs up before it takes the body
	slow       chan struct{}     // the backend waits for this before it answers
	arrived    chan struct{}     // told when it has the body and begins to wait
	drop       bool              // the frontend hangs up on everything
	operations map[string]string // answers to those of transactions, OK when there is none
}

const goodReply = `{"TxnId":7,"Label":"l","Status":"Success","Message":"OK","NumberTotalRows":%d,"NumberLoadedRows":%d,"NumberFilteredRows":0,"NumberUnselectedRows":0}`

func newCluster(t *testing.T) *cluster {
	t.Helper()
	k := &cluster{reply: fmt.Sprintf(goodReply, 2, 2)}
	k.be = httptest.NewServer(http.HandlerFunc(k.backend))
	k.fe = httptest.NewServer(http.HandlerFunc(k.frontend))
	t.Cleanup(k.fe.Close)
	t.Cleanup(k.be.Close)
	return k
}

func (k *cluster) authorized(w http.ResponseWriter, r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	if user == "test" && password == "hidden-123456" {
		return true
	}
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprint(w, `{"status":"FAILED","code":"1","msg":"Access denied for user@127.0.0.1"}`)
	return false
}

func (k *cluster) frontend(w http.ResponseWriter, r *http.Request) {
	if !k.authorized(w, r) {
		return
	}
	if k.drop {
		panic(http.ErrAbortHandler)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	isLoad := strings.HasSuffix(r.URL.Path, "/_stream_load") || r.URL.Path == "/api/transaction/load"
	switch {
	case isLoad && r.Header.Get("Expect") != "100-continue":
		fmt.Fprint(w, `{"Status":"FAILED","Message":"There is no 100-continue header"}`)
	case isLoad && (k.fe200 != "" || k.feCode != 0):
		if k.feCode != 0 {
			w.WriteHeader(k.feCode)
		}
		fmt.Fprint(w, k.fe200)
	case isLoad:
		w.Header().Set("Connection", "close")
		// Another host name than the one that was dialled.
		_, port, _ := net.SplitHostPort(k.be.Listener.Addr().String())
		w.Header().Set("Location", "http://be-private:"+port+r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
	case strings.HasSuffix(r.URL.Path, "/get_load_state"):
		state := "UNKNOWN"
		if len(k.states) > 0 {
			state = k.states[0]
		}
		if len(k.states) > 1 {
			k.states = k.states[1:]
		}
		fmt.Fprintf(w, `{"state":%q,"reason":"why","status":"OK","code":"0","msg":"Success","message":"OK"}`, state)
	default:
		k.asked = append(k.asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("label"))
		k.header = r.Header.Clone()
		if reply := k.operations[path.Base(r.URL.Path)]; reply != "" {
			fmt.Fprint(w, reply)
			return
		}
		if len(k.states) > 1 {
			k.states = k.states[1:]
		}
		fmt.Fprint(w, `{"status":"OK","code":"0","msg":"Success","message":"OK"}`)
	}
}

func (k *cluster) backend(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/_load_error_log") {
		fmt.Fprint(w, k.logs)
		return
	}
	if !k.authorized(w, r) {
		return
	}
	if k.leave {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			err = connection.Close()
		}
		if err != nil {
			panic(err)
		}
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if k.slow != nil {
		k.arrived <- struct{}{}
		<-k.slow
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bodies, k.header = append(k.bodies, string(body)), r.Header.Clone()
	if k.hangUp {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, k.reply)
}

// client is a client of the cluster that has not logged in: loads need no SQL.
func (k *cluster) client(load ...string) *Client {
	if load == nil {
		load = []string{k.fe.Listener.Addr().String()}
	}
	config := Config{User: "test", Password: diag.NewSecret("hidden-123456"), Load: load,
		RedirectHosts: map[string]string{"be-private": "127.0.0.1"}, ConnectTimeout: 5 * time.Second}
	c := newClient(config)
	c.wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

var testTarget = change.Name{Database: "d", Table: "t"}

// twoRows is a batch of an upsert and a delete.
func twoRows(l ferry.Loads) ferry.Batch {
	rows := change.NewRows(2)
	for _, cell := range []string{"1", "a", "2", "b"} {
		rows.AddString(cell)
	}
	b := l.NewBatch(testLayout(change.Type{Base: change.Int}, text), rows, 0)
	b.Add(ferry.Upsert, rows, 0)
	b.Add(ferry.Delete, rows, 1)
	return b
}

func send(t *testing.T, c *Client) error {
	t.Helper()
	l := c.Loads(ferry.Route{Target: testTarget})
	err := l.Send(t.Context(), "sf_1", twoRows(l))
	if err != nil && strings.Contains(err.Error(), "hidden-123456") {
		t.Fatal("the password is in the error")
	}
	return err
}

func aborted(err error) bool {
	var a *ferry.AbortedError
	return errors.As(err, &a)
}

func TestLoadFollowsTheRedirectWithAuthorization(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	c := k.client()
	if err := c.Configure(testTarget, LoadOptions{ColumnSeparator: `\x01`, RowDelimiter: `\x02`, Timeout: 90 * time.Second, Headers: map[string]string{"warehouse": "w1", "strict_mode": "true"}}); err != nil {
		t.Fatal(err)
	}
	if err := send(t, c); err != nil {
		t.Fatal(err)
	}
	if len(k.bodies) != 1 || k.bodies[0] != "1\x01a\x010\x022\x01\\N\x011\x02" {
		t.Errorf("%q", k.bodies)
	}
	for name, want := range map[string]string{
		"Label": "sf_1", "Format": "csv", "Columns": "`c0`, `c1`, `__op`", "Column_separator": `\x01`, "Row_delimiter": `\x02`,
		"Strict_mode": "true", "Max_filter_ratio": "0", "Timeout": "90", "Timezone": "UTC", "Warehouse": "w1", "Content-Length": "",
	} {
		if got := k.header.Get(name); got != want && name != "Content-Length" {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestOutcomes: what Send concludes from what the cluster says.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const done, gone, open = "done", "aborted", "open"
	const refused, ofTable, busy = "refused", "of the table", "busy"
	fail := func(message string) string {
		return fmt.Sprintf(`{"TxnId":7,"Status":"Fail","Message":%q,"NumberLoadedRows":0}`, message)
	}
	for name, c := range map[string]struct {
		set   func(*cluster)
		want  string
		class diag.Class
		code  diag.Code
	}{
		"success":                  {func(k *cluster) {}, done, 0, ""},
		"fewer rows":               {func(k *cluster) { k.reply = fmt.Sprintf(goodReply, 2, 1) }, ofTable, diag.Refused, CodeRowsDiffer},
		"no row count":             {func(k *cluster) { k.reply = `{"Status":"Success"}` }, ofTable, diag.Refused, CodeRowsDiffer},
		"publish timeout":          {func(k *cluster) { k.publishTimeout("COMMITTED", "COMMITTED", "VISIBLE") }, done, 0, ""},
		"publish timeout, unknown": {func(k *cluster) { k.publishTimeout("UNKNOWN") }, done, 0, ""},
		"label finished": {func(k *cluster) {
			k.reply = `{"TxnId":-1,"Status":"Label Already Exists","ExistingJobStatus":"FINISHED","Message":"Label [l] has already been used."}`
			k.states = []string{"COMMITTED", "VISIBLE"}
		}, done, 0, ""},
		"label running, then visible": {func(k *cluster) {
			k.reply = `{"Status":"Label Already Exists","ExistingJobStatus":"RUNNING","Message":"used"}`
			k.states = []string{"PREPARE", "COMMITTED", "VISIBLE"}
		}, done, 0, ""},
		"label running, then aborted": {func(k *cluster) {
			k.reply = `{"Status":"Label Already Exists","ExistingJobStatus":"RUNNING","Message":"used"}`
			k.states = []string{"PREPARE", "ABORTED"}
		}, gone, diag.Transient, CodeLoadFailed},
		"filtered rows": {func(k *cluster) {
			k.reply = fmt.Sprintf(`{"Status":"Fail","Message":"too many filtered rows","ErrorURL":"http://be-private:%s/api/_load_error_log?file=x"}`, strings.Split(k.be.URL, ":")[2])
			k.states, k.logs = []string{"ABORTED"}, "Error: NULL value in non-nullable column 'c1'. Row: [1, NULL, 0]\nError: 2\nError: 3\nError: 4\n"
		}, refused, diag.Refused, CodeLoadRefused},
		"too many versions": {func(k *cluster) {
			k.reply = fail("because of too many versions, current/limit: 1001/1000")
			k.states = []string{"ABORTED"}
		}, busy, diag.Transient, CodeLoadFailed},
		"out of memory": {func(k *cluster) {
			k.reply = fail("Memory of process exceed limit. Used: 9, Limit: 8")
			k.states = []string{"ABORTED"}
		}, busy, diag.Transient, CodeLoadFailed},
		"shutting down": {func(k *cluster) { k.reply = fail("Service is shutting down, please retry later!") }, gone, diag.Transient, CodeLoadFailed},
		"running txns":  {func(k *cluster) { k.reply = fail("current running txns on db 1 is 1000, larger than limit 1000") }, busy, diag.Transient, CodeLoadFailed},
		"key too long":  {func(k *cluster) { k.reply = fail("primary key size exceed the limit."); k.states = []string{"ABORTED"} }, refused, diag.Refused, CodeLoadRefused},
		"no table":      {func(k *cluster) { k.reply = fail(`unknown table "d.t"`) }, ofTable, diag.Refused, CodeNoTable},
		"no database":   {func(k *cluster) { k.reply = fail("unknown database, database=d") }, gone, diag.Refused, CodeNoDatabase},
		"no column":     {func(k *cluster) { k.reply = fail("Column has no default value, column=theirs") }, ofTable, diag.Refused, CodeLoadRefused},
		"fail, but committed": {func(k *cluster) {
			k.reply = fail("call frontend service failed")
			k.states = []string{"COMMITTED", "VISIBLE"}
		}, done, 0, ""},
		"no privilege at backend": {func(k *cluster) { k.reply = fail("Access denied; you need (at least one of) the INSERT privilege(s)") }, ofTable, diag.Refused, CodePrivilege},
		"answer lost, visible":    {func(k *cluster) { k.hangUp, k.states = true, []string{"PREPARE", "COMMITTED", "VISIBLE"} }, done, 0, ""},
		"answer lost, aborted":    {func(k *cluster) { k.hangUp, k.states = true, []string{"PREPARE", "ABORTED"} }, gone, diag.Transient, CodeLoadFailed},
		"answer lost, unknown":    {func(k *cluster) { k.hangUp = true }, open, diag.Transient, CodeLoadOpen},
		"garbage":                 {func(k *cluster) { k.reply = "<html>" }, open, diag.Transient, CodeLoadOpen},
		"hung up before the body": {func(k *cluster) { k.leave = true }, gone, diag.Transient, CodeRedirect},
		"no backend": {func(k *cluster) {
			k.fe200 = `{"Status":"FAILED","Message":"class com.starrocks.common.DdlException: No backend alive."}`
		}, gone, diag.Transient, CodeLoadFailed},
		"no privilege at frontend": {func(k *cluster) {
			k.feCode, k.fe200 = 401, `{"status":"FAILED","msg":"Access denied; you need (at least one of) the INSERT privilege(s) on TABLE t for this operation."}`
		}, ofTable, diag.Refused, CodePrivilege},
		"not a frontend":  {func(k *cluster) { k.feCode, k.fe200 = 404, "not found" }, gone, diag.Refused, CodeLoadEndpoint},
		"frontend starts": {func(k *cluster) { k.feCode, k.fe200 = 503, "later" }, gone, diag.Transient, CodeLoadEndpoint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newCluster(t)
			c.set(k)
			err := send(t, k.client())
			var rows *ferry.RefusedError
			var table *ferry.TableError
			var gave *ferry.AbortedError
			got := done
			switch {
			case errors.As(err, &rows):
				got = refused
			case errors.As(err, &table):
				got = ofTable
			case errors.As(err, &gave) && gave.Busy:
				got = busy
			case gave != nil:
				got = gone
			case diag.IsTransient(err):
				got = open
			}
			if got != c.want {
				t.Fatalf("%s (%v), want %s", got, err, c.want)
			}
			if err == nil {
				return
			}
			if p := diag.Find(err); p == nil || p.Class != c.class || p.Code != c.code {
				t.Fatalf("%+v, want class %d code %s", p, c.class, c.code)
			}
			if k.logs != "" && (!strings.Contains(err.Error(), "non-nullable column 'c1'") || strings.Contains(err.Error(), "Error: 4")) {
				t.Error(err)
			}
		})
	}
}

func (k *cluster) publishTimeout(states ...string) {
	k.reply = strings.Replace(fmt.Sprintf(goodReply, 2, 2), "Success", "Publish Timeout", 1)
	k.states = states
}

func TestTheSameBatchIsSentAgain(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	k.hangUp = true
	l := k.client().Loads(ferry.Route{Target: testTarget})
	b := twoRows(l)
	if err := l.Send(t.Context(), "sf_1", b); err == nil || aborted(err) {
		t.Fatal(err)
	}
	k.mu.Lock()
	k.hangUp = false
	k.mu.Unlock()
	if err := l.Send(t.Context(), "sf_1", b); err != nil {
		t.Fatal(err)
	}
	if len(k.bodies) != 2 || k.bodies[0] != k.bodies[1] || b.Rows() != 2 || b.Bytes() != len(k.bodies[0]) {
		t.Errorf("%q", k.bodies)
	}
}

func TestTheNextFrontendIsTried(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	dead := closedAddress(t)
	if err := send(t, k.client(dead, k.fe.Listener.Addr().String())); err != nil {
		t.Fatal(err)
	}
	err := send(t, k.client(dead))
	if p := diag.Find(err); !aborted(err) || p.Code != CodeUnreachable || p.Class != diag.Transient || !strings.Contains(err.Error(), dead) {
		t.Fatal(err)
	}
}

func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestUnreachableRedirectNamesTheOption(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	c := k.client()
	dead := closedAddress(t)
	c.config.RedirectHosts = map[string]string{"be-private": dead}
	err := send(t, c)
	p := diag.Find(err)
	if !aborted(err) || p.Code != CodeRedirect || p.Class != diag.Transient || !strings.Contains(p.Message, dead) || !strings.Contains(p.Fix, "sink.redirect-hosts") {
		t.Fatal(err)
	}
	if _, err := c.insertDenied(t.Context(), testTarget); diag.Find(err) == nil || diag.Find(err).Code != CodeRedirect || diag.Find(err).Class != diag.Unusable {
		t.Fatal(err)
	}
}

func TestProbeSendsNothing(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	denied, err := k.client().insertDenied(t.Context(), testTarget)
	if denied != nil || err != nil || len(k.bodies) != 0 {
		t.Fatal(denied, err, k.bodies)
	}
	k.feCode, k.fe200 = 401, `{"msg":"Access denied; you need (at least one of) the INSERT privilege(s) on TABLE t"}`
	if denied, err := k.client().insertDenied(t.Context(), testTarget); denied == nil || err != nil {
		t.Fatal(denied, err)
	}
	c := k.client()
	c.config.Password = diag.NewSecret("wrong")
	if denied, err := c.insertDenied(t.Context(), testTarget); denied != nil || diag.Find(err) == nil || diag.Find(err).Code != CodeLogin {
		t.Fatal(denied, err)
	}
}

func TestACancelledLoadIsOpen(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	k.slow, k.arrived = make(chan struct{}), make(chan struct{}, 1)
	defer close(k.slow)
	ctx, cancel := context.WithCancel(t.Context())
	l := k.client().Loads(ferry.Route{Target: testTarget})
	go func() {
		<-k.arrived
		cancel()
	}()
	err := l.Send(ctx, "sf_1", twoRows(l))
	if !errors.Is(err, context.Canceled) || aborted(err) {
		t.Fatal(err)
	}
}

func TestSettleEndsWhatIsOpen(t *testing.T) {
	t.Parallel()
	const noContext = `{"Status":"TXN_NOT_EXISTS","Message":"transaction with label l1 not exists"}`
	const rollback, cancel = "POST /api/transaction/rollback l1", "POST /api/d/t/_cancel "
	for _, c := range []struct {
		states []string
		rolls  string
		asked  []string
	}{
		{[]string{"UNKNOWN"}, "", nil},
		{[]string{"VISIBLE"}, "", nil},
		{[]string{"ABORTED"}, "", nil},
		{[]string{"COMMITTED", "COMMITTED", "VISIBLE"}, "", nil},
		{[]string{"PREPARE", "ABORTED"}, "", []string{rollback}},
		{[]string{"PREPARE", "ABORTED"}, noContext, []string{rollback, cancel}},
		{[]string{"PREPARE", "PREPARE", "COMMITTED", "VISIBLE"}, noContext, []string{rollback, cancel}},
		{[]string{"PREPARED", "ABORTED"}, "", []string{rollback}},
	} {
		k := newCluster(t)
		k.states, k.operations = c.states, map[string]string{"rollback": c.rolls}
		err := k.client().Settle(t.Context(), testTarget, []string{"l1"})
		if err != nil || strings.Join(k.asked, ",") != strings.Join(c.asked, ",") {
			t.Errorf("%v %s: %v %q", c.states, c.rolls, err, k.asked)
		}
	}
	k := newCluster(t)
	k.states = []string{"COMMITTED", "VISIBLE"}
	if err := k.client().Settle(t.Context(), change.Name{Database: "d"}, []string{"l1"}); err != nil || strings.Join(k.asked, ",") != rollback {
		t.Errorf("of a database: %v %q", err, k.asked)
	}
	// Its commit is under way, and nobody knows the label yet.
	k = newCluster(t)
	k.states = []string{"UNKNOWN", "COMMITTED", "VISIBLE"}
	k.operations = map[string]string{"rollback": `{"Status":"FAILED","Message":"Can not abort transaction 7 during committing, label is l1"}`}
	if err := k.client().Settle(t.Context(), change.Name{Database: "d"}, []string{"l1"}); err != nil || len(k.asked) != 3 {
		t.Errorf("of a database, committing: %v %q", err, k.asked)
	}
	k = newCluster(t)
	if err := k.client(closedAddress(t)).Settle(t.Context(), testTarget, []string{"l1"}); !diag.IsTransient(err) {
		t.Error(err)
	}
}

func TestOptionsThatLoadsCannotUse(t *testing.T) {
	t.Parallel()
	for _, h := range []string{"strict_mode=false", "max_filter_ratio=0.1", "columns=a", "where=a>1", "format=gzip", "label=x", "partial_update=true",
		"enable_merge_commit=true", "merge_condition=v", "enclose='", "skip_header=1", "authorization=x", "warehouse=a\nb", "compression=gzip"} {
		name, value, _ := strings.Cut(h, "=")
		p := diag.Find(LoadOptions{Headers: map[string]string{name: value}}.Check())
		if p == nil || p.Code != CodeHeader || p.Fix == "" || !strings.Contains(p.Message, "sink.properties."+name) {
			t.Errorf("%s: %v", h, p)
		}
	}
	for _, h := range []string{"strict_mode=TRUE", "max_filter_ratio=0", "max_filter_ratio=0.0", "format=JSON", "format=csv", "strip_outer_array=true", "timezone=Asia/Shanghai", "load_mem_limit=1"} {
		name, value, _ := strings.Cut(h, "=")
		if err := (LoadOptions{Headers: map[string]string{name: value}}).Check(); err != nil {
			t.Errorf("%s: %v", h, err)
		}
	}
	l := testLoads(t, LoadOptions{Headers: map[string]string{"format": "json"}})
	if b := twoRows(l).(*batch); b.form != jsonLines {
		t.Error(b.form)
	}
}

func TestRedirectHosts(t *testing.T) {
	t.Parallel()
	hosts := map[string]string{"a": "b", "c:8040": "d:9", "e": "f:1", "fd00::1": "::1"}
	for from, want := range map[string]string{"a:8040": "b:8040", "c:8040": "d:9", "c:8041": "c:8041", "e:8040": "f:1", "[fd00::1]:8040": "[::1]:8040", "a": "b"} {
		if got := mapHost(hosts, from); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}
