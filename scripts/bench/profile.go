package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// profile writes a CPU profile of a run that takes as long as the ones before it.
func (b *bench) profile(ctx context.Context, profiles string, m *measured) error {
	seconds := max(1, int(0.9*median(m.Runs, func(r run) float64 { return r.Seconds })))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%spprof/profile?seconds=%d", profiles, seconds), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return err
	}
	path := filepath.Join(b.profiles, strings.ReplaceAll(m.Name, " ", "-")+".pprof")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, answer.Body)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	say("%s: go tool pprof -top %s", m.Name, path)
	return nil
}
