package diag

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// PrintError writes an error for people: every Problem in it with its code, its
// cause and its remedy, anything else as one line.
//
//	error[SF3005]: user 'test' lacks REPLICATION SLAVE on mysql 127.0.0.1:3306
//	   = To fix: GRANT REPLICATION SLAVE ON *.* TO 'test'@'%';
func PrintError(w io.Writer, err error) {
	var several Problems
	if errors.As(err, &several) {
		for _, one := range several {
			PrintError(w, one)
		}
		return
	}
	p := Find(err)
	if p == nil {
		fmt.Fprintf(w, "error: %v\n", err)
		return
	}
	fmt.Fprintf(w, "error[%s]: %s\n", p.Code, strings.ReplaceAll(err.Error(), "\n", "\n   | "))
	if p.Fix != "" {
		fmt.Fprintf(w, "   = To fix: %s\n", strings.ReplaceAll(p.Fix, "\n", "\n     "))
	}
}
