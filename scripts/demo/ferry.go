package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"starferry/internal/testbed"
)

func (d *demo) runArgs() []string {
	return []string{"run", d.scriptPath(), "--data-dir", "state"}
}

// grantsInFix finds the statements that the binary's errors name as remedies.
var grantsInFix = regexp.MustCompile(`(?m)^(?:   = To fix:| {5}).*?(GRANT [^;]+);`)

// runWithoutGrant shows how a missing privilege is reported and mended.
func (d *demo) runWithoutGrant(ctx context.Context) error {
	heading("The tutorial's one grant is not enough on StarRocks 3.0 and later: starferry says what is missing")
	fmt.Println("  $ starferry run tutorial.sql")
	code, output, err := d.finish(ctx, "refused", d.runArgs()...)
	if err != nil {
		return fmt.Errorf("it should have stopped for want of a privilege: %w", err)
	}
	note("exit code %d", code)
	if code == 0 {
		return errors.New("it should have stopped for want of a privilege, and did not")
	}
	grants := grantsInFix.FindAllStringSubmatch(output, -1)
	if grants == nil {
		return errors.New("it stopped without naming the GRANT that is missing")
	}
	fmt.Println()
	for _, grant := range grants {
		if err := d.starrocks.show(ctx, grant[1]); err != nil {
			return err
		}
	}
	return nil
}

// finish runs the binary to its end and shows what it says.
func (d *demo) finish(ctx context.Context, log string, args ...string) (code int, output string, err error) {
	p, err := d.start(log, args...)
	if err != nil {
		return 0, "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	if code, err = p.Wait(ctx); err != nil {
		return 0, "", err
	}
	fmt.Println(indent(p.Output()))
	return code, p.Output(), nil
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}

func (d *demo) startFerry(context.Context) (err error) {
	heading("Step 3: again, in the background")
	fmt.Println("  $ starferry run tutorial.sql &")
	d.ferry, err = d.start("run", d.runArgs()...)
	return err
}

// change is a step of the tutorial: statements in MySQL and the table in StarRocks
// after them.
type change struct {
	name       string
	statements []string
	want       *table
}

const selectTarget = "SELECT * FROM " + database + "." + targetTable

var fiveColumns = []string{"runoob_id", "runoob_title", "runoob_author", "submission_date", "add_col"}

var changes = []change{
	{
		"the row that existed", nil,
		&table{names: fiveColumns, rows: [][]string{{"18", "first", "tom", "2022-06-22", "3"}}},
	},
	{
		"INSERT",
		[]string{"INSERT INTO runoob_tbl (`runoob_id`, `runoob_title`, `runoob_author`, `submission_date`, `add_col`)\n" +
			"VALUES (1, 'second', 'tom2', '2022-06-23', 1)"},
		&table{names: fiveColumns, rows: [][]string{
			{"1", "second", "tom2", "2022-06-23", "1"},
			{"18", "first", "tom", "2022-06-22", "3"},
		}},
	},
	{
		"UPDATE",
		[]string{"UPDATE runoob_tbl SET runoob_title = 'new' WHERE runoob_id = 18"},
		&table{names: fiveColumns, rows: [][]string{
			{"1", "second", "tom2", "2022-06-23", "1"},
			{"18", "new", "tom", "2022-06-22", "3"},
		}},
	},
	{
		"DELETE",
		[]string{"DELETE FROM runoob_tbl WHERE runoob_id = 1"},
		&table{names: fiveColumns, rows: [][]string{{"18", "new", "tom", "2022-06-22", "3"}}},
	},
	{
		"ADD COLUMN and INSERT",
		[]string{
			"ALTER TABLE `runoob_tbl` ADD COLUMN `add_col2` INT",
			"INSERT INTO runoob_tbl (`runoob_id`, `runoob_title`, `runoob_author`, `submission_date`, `add_col`, `add_col2`)\n" +
				"VALUES (1, 'second', 'tom2', '2022-06-23', 1, 2)",
		},
		&table{names: append(append([]string{}, fiveColumns...), "add_col2"), rows: [][]string{
			{"18", "new", "tom", "2022-06-22", "3", "NULL"},
			{"1", "second", "tom2", "2022-06-23", "1", "2"},
		}},
	},
}

func (d *demo) followChanges(ctx context.Context) error {
	for _, c := range changes {
		heading("Step 4: %s", c.name)
		if err := d.mysql.test.show(ctx, c.statements...); err != nil {
			return err
		}
		began := time.Now()
		got, err := d.awaitTable(ctx, d.ferry, selectTarget, c.want)
		if err != nil {
			return fmt.Errorf("after %s: %w", c.name, err)
		}
		d.starrocks.print(selectTarget)
		fmt.Println(got.indented())
		note("as in the tutorial, %.1f s later", time.Since(began).Seconds())
	}
	return nil
}

// awaitTable asks StarRocks until the answer is the wanted one, while a ferry runs.
func (d *demo) awaitTable(ctx context.Context, ferry *testbed.Program, statement string, want *table) (*table, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	for {
		got, err := d.starrocks.query(ctx, statement)
		if err == nil && got.sameAs(want) {
			return got, nil
		}
		select {
		case <-ferry.Done():
			return nil, fmt.Errorf("starferry run has ended:\n%s", indent(ferry.Output()))
		case <-ctx.Done():
			seen := fmt.Sprint(err)
			if err == nil {
				seen = got.String()
			}
			return nil, fmt.Errorf("StarRocks does not show what it should (%w).\nExpected:\n%s\nIn StarRocks:\n%s\nstarferry run said:\n%s",
				context.Cause(ctx), want, seen, indent(ferry.Output()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stopFerry stops the run in good order and shows its summary, unless it is to stay.
func (d *demo) stopFerry(ctx context.Context) error {
	if d.keep {
		return nil
	}
	heading("Ctrl-C: a last checkpoint, then the summary")
	before := len(d.ferry.Output())
	d.ferry.Interrupt()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	code, err := d.ferry.Wait(ctx)
	if err != nil {
		return err
	}
	fmt.Println(indent(d.ferry.Output()[before:]))
	if code != 0 {
		return fmt.Errorf("starferry run ended with exit code %d instead of 0", code)
	}
	return nil
}
