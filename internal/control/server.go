package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"starferry/internal/diag"
)

// Handler is what a Server asks. Its methods may be called from several goroutines.
type Handler interface {
	// Do does a job and returns when it is done. ctx ends when whoever asked has gone
	// or the server is closed. send may wait for a slow reader, up to writeLimit: it is
	// not for a goroutine that others wait for. It may be called until Do returns.
	Do(ctx context.Context, job Job, send func(Update)) error
	Status() Status
}

const (
	// writeLimit is how long a reader may take for a line.
	writeLimit   = 30 * time.Second
	headerLimit  = 10 * time.Second
	requestBytes = 1 << 20
	// closeLimit is how long Close waits for jobs that were told to end.
	closeLimit = 10 * time.Second
)

// Server serves one deployment.
type Server struct {
	handler  Handler
	http     *http.Server
	ctx      context.Context // of all jobs
	cancel   context.CancelFunc
	served   chan error
	stateDir string
	once     sync.Once
	closed   error // what close answered
}

// Listen serves the deployment of a state directory, whose lock the caller holds.
func Listen(stateDir string, handler Handler) (*Server, error) {
	listener, err := listen(stateDir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{handler: handler, ctx: ctx, cancel: cancel, served: make(chan error, 1), stateDir: stateDir}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.status)
	mux.HandleFunc("POST /v1/jobs", s.job)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Sprintf("%s %s", r.Method, r.URL.Path))
	})
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: headerLimit, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

// Close ends the jobs under way, lets them say so, and removes the socket. A second
// call does nothing.
func (s *Server) Close() error {
	s.once.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Server) close() error {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if serving := <-s.served; !errors.Is(serving, http.ErrServerClosed) {
		err = errors.Join(err, serving)
	}
	removeStale(s.stateDir)
	return err
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	status := s.handler.Status()
	if status.Tables == nil {
		status.Tables = []TableStatus{}
	}
	// Whoever asked may have gone.
	_ = json.NewEncoder(w).Encode(status)
}

func (s *Server) job(w http.ResponseWriter, r *http.Request) {
	var job Job
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, requestBytes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&job); err != nil {
		refuse(w, http.StatusBadRequest, "a job: "+err.Error())
		return
	}
	if !job.Kind.known() {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("a job of kind '%s'", job.Kind))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := &lineWriter{w: w, control: http.NewResponseController(w), gone: cancel}
	lines.flush() // the job was understood
	end := line{Done: true}
	err := s.handler.Do(ctx, job, func(u Update) { lines.write(line{Update: u}) })
	switch {
	case err != nil && s.ctx.Err() != nil:
		end = line{Problem: problemOf(lost(s.stateDir, err))}
	case err != nil:
		end = line{Problem: problemOf(err)}
	}
	lines.write(end)
}

// lineWriter writes the lines of an answer. After the first that cannot be written it
// writes no more, and says that nobody reads.
type lineWriter struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	control *http.ResponseController
	gone    func()
	failed  bool
}

func (l *lineWriter) write(one line) {
	text, err := json.Marshal(one)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed {
		return
	}
	if err == nil {
		err = l.control.SetWriteDeadline(time.Now().Add(writeLimit))
	}
	if err == nil {
		_, err = l.w.Write(append(text, '\n'))
	}
	l.end(err)
}

func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(nil)
}

func (l *lineWriter) end(err error) {
	if err == nil {
		err = l.control.Flush()
	}
	if err != nil {
		l.failed = true
		l.gone()
	}
}

// refuse answers what is not understood.
func refuse(w http.ResponseWriter, status int, what string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	problem := problemOf(&diag.Problem{
		Code: CodeRequest, Message: "the running process does not understand " + what,
		Fix: "use the same version of starferry for both, or stop the running one and start it again.",
	})
	_ = json.NewEncoder(w).Encode(line{Problem: problem})
}
