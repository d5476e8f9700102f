// Provision makes sure that the database servers of the tests are at hand, so that
// the tests' time limits do not include downloads.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"starferry/internal/testbed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, flavor := range []testbed.Flavor{testbed.MySQLFlavor, testbed.MariaDBFlavor} {
		version, err := testbed.Prepare(ctx, flavor, say)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			stop()
			os.Exit(1)
		}
		say("%s %s", flavor, version)
	}
	if err := testbed.PrepareOnlineSchemaChange(ctx, say); err != nil {
		fmt.Fprintln(os.Stderr, "error: no pt-online-schema-change to test with:", err)
		stop()
		os.Exit(1)
	}
	if err := testbed.PrepareGhost(ctx, say); err != nil {
		fmt.Fprintln(os.Stderr, "error: no gh-ost to test with:", err)
		stop()
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }
