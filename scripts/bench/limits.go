package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"starferry/internal/testbed/stage"
)

// reading is one run of a client that does nothing with what it reads.
type reading struct {
	Seconds   float64 `json:"seconds"`
	CPU       float64 `json:"cpu_seconds"`
	ServerCPU float64 `json:"mysqld_cpu_seconds"`
	Bytes     int64   `json:"bytes,omitempty"`   // on the wire, where it counts them
	Packets   int64   `json:"packets,omitempty"` // rows, or events of the log
}

// read runs a client to its end; its output goes nowhere.
func read(s *stage.Stage, cmd *exec.Cmd) (reading, error) {
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	began, before := time.Now(), stage.CPU(s.Source.PID())
	if err := cmd.Run(); err != nil {
		return reading{}, fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, complaints.String())
	}
	return reading{
		Seconds: time.Since(began).Seconds(), ServerCPU: (stage.CPU(s.Source.PID()) - before).Seconds(),
		CPU: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
	}, nil
}

// readByMySQL is mysql --quick > /dev/null.
func readByMySQL(ctx context.Context, s *stage.Stage, query string) (reading, error) {
	cmd, err := s.Source.Client(ctx, "mysql", "--quick", "-e", query)
	if err != nil {
		return reading{}, err
	}
	return read(s, cmd) // without Stdout, it is /dev/null
}

// readByMysqlbinlog is mysqlbinlog --read-from-remote-server --raw, into files that are
// removed.
func readByMysqlbinlog(ctx context.Context, s *stage.Stage, files []string) (_ reading, err error) {
	dir, err := os.MkdirTemp(s.Dir, "raw-")
	if err != nil {
		return reading{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cmd, err := s.Source.Client(ctx, "mysqlbinlog", append([]string{"--read-from-remote-server", "--raw", "--result-file=" + dir + "/"}, files...)...)
	if err != nil {
		return reading{}, err
	}
	return read(s, cmd)
}

// drainSocket runs this program as the bare reader of the socket.
func drainSocket(ctx context.Context, s *stage.Stage, what, of string) (reading, error) {
	self, err := os.Executable()
	if err != nil {
		return reading{}, err
	}
	cmd := exec.CommandContext(ctx, self, drainVerb, what, s.Source.Address(), s.Source.User, of)
	cmd.Env = append(os.Environ(), drainPassword+"="+s.Source.Password)
	var answer bytes.Buffer
	cmd.Stdout = &answer
	r, err := read(s, cmd)
	if err != nil {
		return r, err
	}
	var d drained
	if err := json.Unmarshal(answer.Bytes(), &d); err != nil {
		return r, err
	}
	r.Bytes, r.Packets, r.Seconds, r.CPU = d.Bytes, d.Packets, d.Seconds, d.CPU
	return r, nil
}
