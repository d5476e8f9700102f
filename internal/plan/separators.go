package plan

import (
	"encoding/hex"
	"errors"
	"strings"
)

// DecodeSeparator gives the bytes that StarRocks makes of a column separator or row
// delimiter: \x, \X or 0x begin a string of hexadecimal digits, otherwise \t and \n
// stand for tab and newline and everything else for itself. 1 to 50 bytes.
func DecodeSeparator(text string) ([]byte, error) {
	decoded := []byte(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text))
	if digits, ok := cutAnyPrefix(text, `\x`, "0x"); ok && !strings.HasPrefix(text, "0X") {
		var err error
		if decoded, err = hex.DecodeString(digits); err != nil {
			return nil, errors.New(`behind \x stand pairs of hexadecimal digits up to the end, for example \x01`)
		}
		for _, b := range decoded {
			if b > 0x7f {
				return nil, errors.New(`StarRocks reads bytes above \x7f otherwise than they are written: use \x01 to \x7f`)
			}
		}
	}
	if len(decoded) < 1 || len(decoded) > 50 {
		return nil, errors.New("a separator has 1 to 50 bytes")
	}
	return decoded, nil
}

// checkSeparators reports separators that StarRocks would refuse, and two that it
// could not tell apart.
func (c *compiler) checkSeparators(options layers) {
	decoded := map[string][]byte{}
	var last *bound
	for _, key := range []string{load + "column_separator", load + "row_delimiter"} {
		bytes, err := DecodeSeparator(options.text(key, InWith))
		b, _ := options.get(key)
		if b != nil {
			last = b
		}
		if err != nil {
			c.error(CodeSeparator, b.text.Value.At, "'"+b.value+"' is not a separator", err.Error()+".")
			return
		}
		decoded[key] = bytes
	}
	column, row := string(decoded[load+"column_separator"]), string(decoded[load+"row_delimiter"])
	if last != nil && (strings.Contains(column, row) || strings.Contains(row, column)) {
		message := "columns and rows have the same separator"
		if column != row {
			message = "one of the two separators is part of the other"
		}
		c.error(CodeSeparator, last.text.Value.At, message, `write two different ones, for example column_separator '\x01' and row_delimiter '\x02'.`)
	}
}
