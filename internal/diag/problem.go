package diag

import (
	"errors"
	"fmt"
)

// Class says what a caller may do about a Problem.
type Class uint8

const (
	// Refused: it will be refused again until somebody changes something. The
	// running ferry stops.
	Refused Class = iota
	// Unusable: it could not be tried: a bad address, a wrong password, a file that
	// is not there. Exit code 2.
	Unusable
	// Transient: the same again later may well succeed: a lost connection, a
	// server that restarts or is busy. The running ferry waits and tries again.
	Transient
)

// Problem is an error that a person can act on. It is made where the fact is
// known, travels up wrapped in ordinary errors, and is printed once, at the top.
type Problem struct {
	Code    Code
	Class   Class
	Message string // names the object: which table, which host, which option
	Fix     string // the remedy, without "To fix:"; a statement where there is one
	Cause   error
}

func (p *Problem) Error() string {
	if p.Cause != nil {
		return fmt.Sprintf("%s: %v", p.Message, p.Cause)
	}
	return p.Message
}

func (p *Problem) Unwrap() error { return p.Cause }

// Find returns the Problem in err's chain, or nil.
func Find(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// IsTransient tells whether err is a Problem that waiting may solve.
func IsTransient(err error) bool {
	p := Find(err)
	return p != nil && p.Class == Transient
}

// Problems are several errors found in one go.
type Problems []error

// Join makes one error of those that are not nil; nil when there is none.
func Join(errs ...error) error {
	var found Problems
	for _, err := range errs {
		var several Problems
		switch {
		case err == nil:
		case errors.As(err, &several):
			found = append(found, several...)
		default:
			found = append(found, err)
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return found[0]
	}
	return found
}

func (p Problems) Error() string { return errors.Join(p...).Error() }

func (p Problems) Unwrap() []error { return p }
