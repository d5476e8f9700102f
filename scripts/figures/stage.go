package main

import (
	"context"
	"fmt"
	"slices"

	"starferry/internal/testbed/stage"
)

const database = "figures"

// scene is a stage and what the scripts on it have in common.
type scene struct {
	*stage.Stage
	settings string
	sink     string // further options of the StarRocks catalog, each behind a comma
}

// on runs what a stage is for, and takes the stage down.
func on(ctx context.Context, f *figures, discard bool, flags []string, play func(*scene) error) error {
	o := stage.Options{Binary: f.binary, Source: flags, Emulator: stage.Emulator40, Log: say}
	if discard {
		o.Emulator = append(slices.Clone(o.Emulator), stage.DiscardRows...)
	}
	return stage.Play(ctx, o, func(s *stage.Stage) error {
		if _, err := s.Target.ExecContext(ctx, "CREATE DATABASE "+database); err != nil {
			return err
		}
		return play(&scene{Stage: s, settings: f.settings})
	})
}

// script writes one for tables t0, t1 and so on.
func (s *scene) script(tables int) (string, error) {
	script := stage.Script{Name: "figures", Settings: s.settings, Database: database, Sink: s.sink}
	for i := range tables {
		script.Tables = append(script.Tables, fmt.Sprintf("t%d", i))
	}
	return s.Write(script)
}
