package cli

import (
	"fmt"

	"starferry/internal/plan"
)

// size is a flag in bytes, written as in scripts: 256mb.
type size int

func (s *size) String() string { return fmt.Sprintf("%dmb", *s>>20) }
func (s *size) Type() string   { return "size" }

func (s *size) Set(text string) error {
	n, err := plan.ParseSize(text)
	*s = size(n)
	return err
}
