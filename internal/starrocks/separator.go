package starrocks

import (
	"encoding/hex"
	"fmt"
	"strings"

	"starferry/internal/diag"
)

// maxSeparator is the longest separator StarRocks takes, in bytes.
const maxSeparator = 50

// ParseSeparator gives the bytes of a column separator or row delimiter as it is
// written in a script, by StarRocks' rules: a text that begins with \x, \X or 0x is
// one string of hexadecimal digits, otherwise \t and \n stand for tab and newline
// and everything else for itself. The result has 1 to 50 bytes. The error is a
// Problem with CodeSeparator.
func ParseSeparator(written string) ([]byte, error) {
	var parsed []byte
	if rest, ok := cutHexPrefix(written); ok {
		decoded, err := hex.DecodeString(rest)
		if err != nil || len(decoded) == 0 {
			return nil, separatorProblem(written, "an even number of hexadecimal digits must follow the prefix", `'\x01'`)
		}
		for _, b := range decoded {
			if b >= 0x80 {
				return nil, separatorProblem(written, "StarRocks reads only the bytes 00 to 7f from hexadecimal digits", `'\x01'`)
			}
		}
		parsed = decoded
	} else {
		parsed = []byte(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(written))
	}
	if len(parsed) == 0 || len(parsed) > maxSeparator {
		return nil, separatorProblem(written, fmt.Sprintf("it has %d bytes, StarRocks takes 1 to %d", len(parsed), maxSeparator), `'\x01'`)
	}
	if _, ok := separatorHeader(parsed); !ok {
		return nil, separatorProblem(written, "a control character next to a character outside ASCII cannot be sent to StarRocks", `'\x01'`)
	}
	return parsed, nil
}

func cutHexPrefix(written string) (string, bool) {
	for _, prefix := range []string{`\x`, `\X`, "0x"} {
		if rest, ok := strings.CutPrefix(written, prefix); ok {
			return rest, true
		}
	}
	return "", false
}

func separatorProblem(written, why, example string) error {
	return &diag.Problem{
		Code: CodeSeparator, Class: diag.Refused,
		Message: fmt.Sprintf("the separator '%s' cannot be used: %s", written, why),
		Fix:     fmt.Sprintf("write a separator of one or more bytes that do not occur in the data, for example %s", example),
	}
}

// separatorHeader writes a separator so that it survives an HTTP header and every
// version of StarRocks: as hexadecimal digits where it is ASCII (the sequences \t
// and \n are understood only by newer versions), as it is otherwise (hexadecimal
// digits above 7f are mangled there).
func separatorHeader(separator []byte) (string, bool) {
	ascii, control := true, false
	for _, b := range separator {
		ascii = ascii && b < 0x80
		control = control || b < 0x20 || b == 0x7f
	}
	if ascii {
		return `\x` + hex.EncodeToString(separator), true
	}
	return string(separator), !control
}
