package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// fake is a deployment whose jobs are functions.
type fake struct {
	do func(ctx context.Context, job Job, send func(Update)) error
}

func (f fake) Do(ctx context.Context, job Job, send func(Update)) error { return f.do(ctx, job, send) }
func (f fake) Status() Status {
	s := Status{Deployment: "orders", Process: 7, Started: time.Unix(1_700_000_000, 0).UTC()}
	s.Show(&ferry.Progress{State: ferry.Copying, Reason: "pages wait", SourceLag: 1500 * time.Millisecond, Position: change.Position{File: "bin.000001", Offset: 4},
		Tables: []ferry.TableProgress{{Name: change.Name{Database: "d", Table: "a.b"}, Copied: 5, Estimate: 10}}})
	return s
}

func serve(t *testing.T, stateDir string, do func(ctx context.Context, job Job, send func(Update)) error) *Server {
	t.Helper()
	s, err := Listen(stateDir, fake{do})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t *testing.T, stateDir string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), stateDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantCode(t *testing.T, err error, code diag.Code) {
	t.Helper()
	if p := diag.Find(err); p == nil || p.Code != code || p.Fix == "" {
		t.Errorf("%v: %+v, want %s", err, p, code)
	}
}

// longDir is a state directory whose path is too long for a socket.
func longDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestJobsAreDoneAndTold(t *testing.T) {
	t.Parallel()
	found := &ferry.CheckResult{Source: change.Name{Database: "d", Table: "t"}, Target: change.Name{Database: "s", Table: "u"},
		Err: &diag.Problem{Code: "SF5001", Class: diag.Transient, Message: "no answer", Fix: "wait.", Cause: errors.New("because")}}
	found.Compared, found.Keys, found.Missing, found.Different, found.Superfluous, found.Undecided, found.Repair = 100, 99, 1, 2, 3, 4, true
	found.Examples = []checkpoint.Difference{{Kind: checkpoint.Missing, Key: `id="1"`}, {Kind: checkpoint.Different, Key: `id="2"`, Column: "é"}}
	for name, dir := range map[string]string{"here": t.TempDir(), "too long": longDir(t)} {
		var asked Job
		serve(t, dir, func(_ context.Context, job Job, send func(Update)) error {
			asked = job
			send(Update{Progress: &Progress{Source: Table{"d", "t"}, Rows: 50, Estimate: 100, Reason: "lag"}})
			send(Update{Notice: "line\nbreak"})
			send(Update{Result: ResultOf(found)})
			if job.Kind == Resync {
				return &diag.Problem{Code: "SF5002", Class: diag.Refused, Message: "no", Fix: "ask again.", Cause: errors.New("cause")}
			}
			return nil
		})
		c := dial(t, dir)
		var told []Update
		job := Job{Kind: Repair, Tables: []Table{{"d", "t"}}}
		if err := c.Do(t.Context(), job, func(u Update) { told = append(told, u) }); err != nil {
			t.Fatal(name, err)
		}
		if !reflect.DeepEqual(asked, job) {
			t.Errorf("%s: %+v", name, asked)
		}
		if len(told) != 3 || told[0].Progress == nil || told[0].Progress.Rows != 50 || told[1].Notice != "line\nbreak" || told[2].Result == nil {
			t.Fatalf("%s: %+v", name, told)
		}
		r := told[2].Result
		want := &Result{Source: Table{"d", "t"}, Target: Table{"s", "u"}, Rows: 100, Keys: 99, Missing: 1, Differ: 2, Extra: 3, Moving: 4, Mended: true,
			Examples: []Difference{{"missing", `id="1"`, ""}, {"different", `id="2"`, "é"}}, Problem: &Problem{"SF5001", diag.Transient, "no answer: because", "wait."}}
		if !reflect.DeepEqual(r, want) || r.Same() || !(&Result{Rows: 5}).Same() {
			t.Errorf("%s: %+v", name, r)
		}
		if err := r.Problem.Err(); !diag.IsTransient(err) || err.Error() != "no answer: because" {
			t.Error(name, err)
		}
		err := c.Do(t.Context(), Job{Kind: Resync, Wipe: true}, func(Update) {})
		wantCode(t, err, "SF5002")
		if !asked.Wipe || asked.Kind != Resync || err.Error() != "no: cause" {
			t.Errorf("%s: %+v %v", name, asked, err)
		}
	}
}

func TestStatusIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, nil)
	got, err := dial(t, dir).Status(t.Context())
	want := Status{Deployment: "orders", Process: 7, Started: time.Unix(1_700_000_000, 0).UTC(), State: "copying", Reason: "pages wait", Position: "bin.000001:4", SourceLag: 1.5,
		Tables: []TableStatus{{Source: Table{"d", "a.b"}, Copied: 5, Estimate: 10}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestSocketsAreTheUsersOwnAndGoAway(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"here": t.TempDir(), "too long": longDir(t)} {
		s := serve(t, dir, nil)
		socket, err := readNote(dir)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(socket)
		if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != fs.ModeSocket {
			t.Errorf("%s: %v %v", name, info, err)
		}
		if folder, err := os.Stat(filepath.Dir(socket)); err != nil || name != "here" && folder.Mode().Perm() != 0o700 {
			t.Errorf("%s: the folder of the socket: %v %v", name, folder.Mode(), err)
		}
		if err := s.Close(); err != nil {
			t.Error(name, err)
		}
		for _, path := range []string{socket, filepath.Join(dir, noteName)} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s is left: %v", name, path, err)
			}
		}
		if _, err := os.Lstat(filepath.Dir(socket)); (err == nil) != (name == "here") {
			t.Errorf("%s: the folder of the socket: %v", name, err)
		}
		_, err = Dial(t.Context(), dir)
		wantCode(t, err, CodeNotRunning)
		if !IsNotRunning(err) {
			t.Error(name, err)
		}
	}
}

// TestKilledProcessesAreReplaced: what a killed process leaves is found to be nobody's,
// and is cleaned up by the next.
func TestKilledProcessesAreReplaced(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"here": t.TempDir(), "too long": longDir(t)} {
		listener, err := listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		socket := listener.Addr().String()
		listener.(*net.UnixListener).SetUnlinkOnClose(false)
		listener.Close()
		if _, err := os.Lstat(socket); err != nil {
			t.Fatal(err)
		}
		_, err = Dial(t.Context(), dir)
		wantCode(t, err, CodeNotRunning)
		serve(t, dir, nil)
		if _, err := dial(t, dir).Status(t.Context()); err != nil {
			t.Error(name, err)
		}
		if now, err := readNote(dir); err != nil || name != "here" && now == socket {
			t.Error(name, now, err)
		} else if _, err := os.Lstat(filepath.Dir(socket)); name != "here" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the old folder is left: %v", name, err)
		}
	}
	// What is no socket of ours is left alone.
	dir, precious := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeNote(dir, precious); err != nil {
		t.Fatal(err)
	}
	serve(t, dir, nil)
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestJobsEndWithWhoAskedAndWithTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	s := serve(t, dir, func(ctx context.Context, _ Job, send func(Update)) error {
		send(Update{Notice: "begun"})
		begun <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	do := func() { done <- dial(t, dir).Do(ctx, Job{Kind: Verify}, func(Update) {}) }
	go do()
	<-begun
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx = t.Context()
	go do()
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	wantCode(t, <-done, CodeLost)
}

// TestAProcessThatIsKilledIsMissed: an answer without its end is not success.
func TestAProcessThatIsKilledIsMissed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var s *Server
	ready := make(chan struct{})
	s = serve(t, dir, func(ctx context.Context, _ Job, send func(Update)) error {
		<-ready
		send(Update{Result: &Result{Rows: 5}})
		s.http.Close() // cuts every connection, as a kill does
		<-ctx.Done()
		return nil
	})
	close(ready)
	results := 0
	err := dial(t, dir).Do(t.Context(), Job{Kind: Verify}, func(u Update) { results++ })
	wantCode(t, err, CodeLost)
	if results > 1 {
		t.Errorf("%d results", results)
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, func(context.Context, Job, func(Update)) error { return errors.New("plain") })
	c := dial(t, dir)
	wantCode(t, c.Do(t.Context(), Job{Kind: "dance"}, nil), CodeRequest)
	if err := c.Do(t.Context(), Job{Kind: Verify}, nil); err == nil || err.Error() != "plain" || diag.Find(err) != nil {
		t.Error(err)
	}
	for _, r := range []struct{ method, path, body string }{
		{http.MethodGet, "/v2/status", ""}, {http.MethodGet, "/v1/jobs", ""}, {http.MethodPost, "/v1/jobs", "{"}, {http.MethodPost, "/v1/jobs", `{"kind": "verify", "speed": 9}`},
		{http.MethodPost, "/v1/jobs", fmt.Sprintf(`{"kind": "verify", "tables": [%s{}]}`, strings.Repeat("{},", 1<<20))},
	} {
		_, err := c.ask(t.Context(), r.method, r.path, bytes.NewBufferString(r.body).Bytes())
		wantCode(t, err, CodeRequest)
	}
}

func TestUnusableDirectoriesAreSaid(t *testing.T) {
	t.Parallel()
	_, err := Listen(filepath.Join(t.TempDir(), "none"), fake{})
	wantCode(t, err, CodeListen)
}
