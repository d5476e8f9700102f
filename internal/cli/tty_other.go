//go:build !linux

package cli

import (
	"errors"
	"os"
)

// isTerminal knows terminals on Linux only; elsewhere output is made for files.
func isTerminal(any) bool { return false }

func withoutEcho(*os.File, func() error) error {
	return errors.New("a password can be asked for on Linux only: set STARFERRY_SQL_PASSWORD")
}
