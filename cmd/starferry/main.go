// Command starferry keeps StarRocks tables in step with MySQL.
package main

import (
	"context"
	"os"

	"starferry/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background(), os.Args, cli.Process())) }
