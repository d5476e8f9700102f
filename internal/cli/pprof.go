package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"starferry/internal/diag"
)

// servesProfiles offers what Go knows of a running process to "go tool pprof": where its
// time and its memory go. Not what it was started with: --set may hold a secret.
func (a *app) servesProfiles(address string) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &diag.Problem{Code: CodeProfiles, Class: diag.Unusable, Message: "profiles cannot be served at " + address, Cause: err,
			Fix: "give --pprof an address of this machine with a free port, such as 127.0.0.1:6060"}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
	mux.HandleFunc("GET /debug/memstats", memoryStatistics)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintf(a.Err, "profiles at http://%s/debug/pprof/\n", listener.Addr())
	return func() {
		// Whoever is reading a profile does without; nothing else can go wrong.
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(a.Err, "profiles were not served to the end: %v\n", err)
		}
	}, nil
}

// memoryStatistics is Go's account of the memory: reading it allocates next to nothing,
// which is what a benchmark of allocations needs.
func memoryStatistics(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Header().Set("Content-Type", "application/json")
	// Whoever asked may have gone.
	_ = json.NewEncoder(w).Encode(struct{ Mallocs, TotalAlloc, HeapAlloc, HeapSys, NumGC uint64 }{m.Mallocs, m.TotalAlloc, m.HeapAlloc, m.HeapSys, uint64(m.NumGC)})
}
