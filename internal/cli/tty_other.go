//go:build !linux

package cli

import (
	"errors"
	"os"
)

// isTerminal knows terminals on Linux only; elsewhere output is made for files.
func isTerminal(any) bool { return false }

func terminalWidth(any) int { return otherwiseWide }

func silence(*os.File) (func() error, error) {
	return nil, errors.New("possible on Linux only: set STARFERRY_SQL_PASSWORD")
}
