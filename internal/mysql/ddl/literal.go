package ddl

import (
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"starferry/internal/change"
)

// literalText is the text of a default as a value of type t: the number 05 of an
// INT is "5", '1' of a DECIMAL(5,2) is "1.00", 'B' of an ENUM('a','b') is "b",
// BIT values are decimal numbers, and binary types keep their bytes. It is false for
// what the servers, or their sql_modes, do not agree on: a time that has to be rounded,
// a number with an exponent as text.
func literalText(t change.Type, v defaultValue) (string, bool) {
	if !v.fits(t) {
		return "", false
	}
	switch {
	case t.IsInteger() || t.Base == change.Bit || t.Base == change.Decimal:
		return numberText(t, v)
	case t.Base == change.Float || t.Base == change.Double:
		return floatText(t, v)
	case t.Base == change.Year:
		return yearText(v)
	case t.Base == change.Date || t.Base == change.DateTime || t.Base == change.Timestamp:
		return dateText(t, v)
	case t.Base == change.Time:
		return timeText(t, v)
	case t.Base == change.Enum:
		return memberText(t, v.literal.text, v.literal.kind != number)
	case t.Base == change.Set:
		return setText(t, v)
	case t.IsText():
		return charText(t, v)
	case t.IsBinary():
		return binaryText(t, v)
	case t.Base == change.UUID:
		return v.literal.text, canonicalUUID.MatchString(v.literal.text)
	case t.Base == change.INET4 || t.Base == change.INET6:
		address, err := netip.ParseAddr(v.literal.text)
		return v.literal.text, err == nil && address.String() == v.literal.text && address.Is4() == (t.Base == change.INET4)
	}
	return v.literal.text, v.literal.kind == text
}

var canonicalUUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// fits tells whether a literal of a kind (DATE'…') or with a charset (_latin1'…') means for
// a column of this type what it does without.
func (v *defaultValue) fits(t change.Type) bool {
	switch v.temporal {
	case "DATE":
		if t.Base != change.Date && t.Base != change.DateTime && t.Base != change.Timestamp {
			return false
		}
	case "TIME":
		if t.Base != change.Time {
			return false
		}
	case "TIMESTAMP":
		if t.Base != change.DateTime && t.Base != change.Timestamp {
			return false
		}
	}
	if v.charset == "" {
		return true
	}
	if v.literal.kind == bits && !t.IsText() || !containsASCII(v.charset) {
		return false
	}
	return isASCII(v.literal.text) || v.literal.kind == text && strings.HasPrefix(v.charset, "utf8")
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decimalNumber is a number in full, with or without an exponent.
var decimalNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$`)

// mostDigits are more than any number of a server has.
const mostDigits = 100

// rational is the value of a number, or of text that is one; exponent tells that servers
// take it for a double on the way.
func (v *defaultValue) rational() (value *big.Rat, exponent, ok bool) {
	if v.literal.kind == bits {
		return new(big.Rat).SetInt(new(big.Int).SetBytes([]byte(v.literal.text))), false, true
	}
	written := strings.TrimSpace(v.sign + v.literal.text)
	if len(written) > mostDigits || !decimalNumber.MatchString(written) {
		return nil, false, false
	}
	value, ok = new(big.Rat).SetString(written)
	return value, strings.ContainsAny(written, "eE"), ok
}

// numberText rounds halves away from zero, as servers do, but for doubles.
func numberText(t change.Type, v defaultValue) (string, bool) {
	if t.Base == change.Bit && v.literal.kind == text {
		return new(big.Int).SetBytes([]byte(v.literal.text)).String(), len(v.literal.text) <= 8
	}
	value, exponent, ok := v.rational()
	if !ok || t.Unsigned && value.Sign() < 0 {
		return "", false
	}
	rounded := value.FloatString(t.Scale)
	if exponent {
		exact, _ := new(big.Rat).SetString(rounded)
		if exact.Cmp(value) != 0 || len(strings.TrimLeft(rounded, "-")) > 15 {
			return "", false
		}
	}
	if strings.HasPrefix(rounded, "-") && strings.Trim(rounded, "-0.") == "" {
		rounded = rounded[1:]
	}
	whole, _, _ := strings.Cut(strings.TrimLeft(rounded, "-0"), ".")
	return rounded, t.Base != change.Decimal || len(whole) <= t.Precision-t.Scale
}

// floatText: what FLOAT(7,3) has to round or cut is not told.
func floatText(t change.Type, v defaultValue) (string, bool) {
	value, _, ok := v.rational()
	if !ok || t.Unsigned && value.Sign() < 0 {
		return "", false
	}
	if t.Precision > 0 {
		rounded := value.FloatString(t.Scale)
		exact, _ := new(big.Rat).SetString(rounded)
		if whole, _, _ := strings.Cut(strings.TrimLeft(rounded, "-0"), "."); exact.Cmp(value) != 0 || len(whole) > t.Precision-t.Scale {
			return "", false
		}
	}
	written := strings.TrimSpace(v.sign + v.literal.text)
	if v.literal.kind == bits {
		written = value.FloatString(0)
	}
	width := 64
	if t.Base == change.Float {
		width = 32
	}
	f, err := strconv.ParseFloat(written, width)
	if f == 0 {
		f = 0 // never -0
	}
	return strconv.FormatFloat(f, 'g', -1, width), err == nil
}

// charText: a number is written anew, bits are characters where those are ASCII.
func charText(t change.Type, v defaultValue) (string, bool) {
	written, ok := v.literal.text, true
	switch v.literal.kind {
	case number:
		written, ok = plainNumber(v)
	case bits:
		ok = containsASCII(t.Charset) && isASCII(written) || strings.HasPrefix(t.Charset, "utf8") && utf8.ValidString(written)
	}
	if t.Base == change.Char {
		written = strings.TrimRight(written, " ")
	}
	return written, ok && (t.Length == 0 || utf8.RuneCountInString(written) <= t.Length)
}

// plainNumber is a number as servers write it out as text.
func plainNumber(v defaultValue) (string, bool) {
	value, exponent, ok := v.rational()
	if !ok || value.Sign() == 0 && v.sign != "" {
		return "", false
	}
	if exponent {
		whole := value.FloatString(0)
		return whole, value.IsInt() && len(strings.TrimLeft(whole, "-")) <= 15
	}
	whole, fraction, point := strings.Cut(v.literal.text, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if point {
		return v.sign + whole + "." + fraction, fraction != ""
	}
	return v.sign + whole, true
}

func binaryText(t change.Type, v defaultValue) (string, bool) {
	written, ok := v.literal.text, true
	if v.literal.kind == number {
		written, ok = plainNumber(v)
	}
	if t.Base == change.Binary && len(written) < t.Length {
		written += strings.Repeat("\x00", t.Length-len(written))
	}
	return written, ok && (t.Length == 0 || len(written) <= t.Length)
}

// memberText gives the first member that is the same to the column's collation.
func memberText(t change.Type, written string, ok bool) (string, bool) {
	exact := strings.HasSuffix(t.Collation, "_bin") || strings.HasSuffix(t.Collation, "_cs")
	for _, m := range t.Members {
		if m == written || !exact && isASCII(m) && isASCII(written) && strings.EqualFold(m, strings.TrimRight(written, " ")) {
			return m, ok
		}
	}
	return "", false
}

// setText gives the members in the order of the type, each once.
func setText(t change.Type, v defaultValue) (string, bool) {
	has, ok := make(map[string]bool), v.literal.kind != number
	if v.literal.text != "" {
		for _, part := range strings.Split(v.literal.text, ",") {
			member, known := memberText(t, part, ok)
			has[member], ok = true, ok && known
		}
	}
	var members []string
	for _, m := range t.Members {
		if has[m] {
			members = append(members, m)
			delete(has, m)
		}
	}
	return strings.Join(members, ","), ok
}
