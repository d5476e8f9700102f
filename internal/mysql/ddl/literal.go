package ddl

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"starferry/internal/change"
)

// literalText is the text of a default as a value of type t: the number 05 of an
// INT is "5", '1' of a DECIMAL(5,2) is "1.00", 'B' of an ENUM('a','b') is "b",
// BIT values are decimal numbers, and binary types keep their bytes. What does not
// fit the type, which the server would have refused, is left as written.
func literalText(t change.Type, sign string, literal token) string {
	written := sign + literal.text
	switch {
	case t.IsInteger() || t.Base == change.Bit || t.Base == change.Decimal:
		return numberText(t, sign, literal)
	case t.Base == change.Float || t.Base == change.Double:
		width := 64
		if t.Base == change.Float {
			width = 32
		}
		if literal.kind == bits {
			return numberText(t, sign, literal)
		}
		if f, err := strconv.ParseFloat(written, width); err == nil {
			return strconv.FormatFloat(f, 'g', -1, width)
		}
	case t.Base == change.Year:
		if f, err := strconv.ParseFloat(written, 64); err == nil && strings.ContainsAny(written, ".eE") {
			return yearText(strconv.Itoa(int(math.Round(f))))
		}
		return yearText(written)
	case t.Base == change.Date || t.Base == change.DateTime || t.Base == change.Timestamp:
		return dateText(t, written)
	case t.Base == change.Time:
		return timeText(t, written)
	case t.Base == change.Enum:
		return memberText(t, written)
	case t.Base == change.Set:
		return setText(t, written)
	case t.Base == change.Binary && len(written) < t.Length:
		return written + strings.Repeat("\x00", t.Length-len(written))
	case t.Base == change.Char:
		return strings.TrimRight(written, " ")
	}
	return written
}

func numberText(t change.Type, sign string, literal token) string {
	value := new(big.Rat)
	switch {
	case literal.kind == bits || t.Base == change.Bit && literal.kind == text:
		value.SetInt(new(big.Int).SetBytes([]byte(literal.text)))
	case len(literal.text) > 100:
		return sign + literal.text
	default:
		number := strings.TrimSpace(sign + literal.text)
		if _, exponent, ok := strings.Cut(strings.ToLower(number), "e"); ok {
			if n, err := strconv.Atoi(exponent); err != nil || n > 100 || n < -100 {
				return number
			}
		}
		if _, ok := value.SetString(number); !ok || strings.Contains(number, "/") {
			return sign + literal.text
		}
	}
	return value.FloatString(t.Scale)
}

func yearText(written string) string {
	n, err := strconv.Atoi(written)
	switch {
	case err != nil:
		return written
	case n >= 100 || n == 0 && len(written) >= 3 || n == 0 && len(written) == 1:
		return fmt.Sprintf("%04d", n)
	case n < 70:
		return strconv.Itoa(2000 + n)
	}
	return strconv.Itoa(1900 + n)
}

// zeroTime is the zero of a TIMESTAMP with so many digits after the second.
func zeroTime(fraction int) string {
	return "0000-00-00 00:00:00" + fractionText(fraction, "")
}

// nowText is the default CURRENT_TIMESTAMP of a column with so many digits.
func nowText(fraction int) string {
	if fraction == 0 {
		return "CURRENT_TIMESTAMP"
	}
	return "CURRENT_TIMESTAMP(" + strconv.Itoa(fraction) + ")"
}

func fractionText(digits int, given string) string {
	if digits == 0 {
		return ""
	}
	return "." + (given + "000000")[:digits]
}

// dateText brings 2020-1-2, '2020.01.02', 20200102 and 20200102030405 to the form
// that the server prints.
func dateText(t change.Type, written string) string {
	parts, fraction, ok := timeParts(written, 4)
	if !ok || len(parts) > 6 || len(parts) < 3 {
		return written
	}
	for len(parts) < 6 {
		parts = append(parts, 0)
	}
	date := fmt.Sprintf("%04d-%02d-%02d", parts[0], parts[1], parts[2])
	if t.Base == change.Date {
		return date
	}
	if len(fraction) > t.Fraction && fraction[t.Fraction] >= '5' {
		return written // rounded, perhaps into another day: as written
	}
	return date + fmt.Sprintf(" %02d:%02d:%02d", parts[3], parts[4], parts[5]) + fractionText(t.Fraction, fraction)
}

func timeText(t change.Type, written string) string {
	sign := ""
	if rest, ok := strings.CutPrefix(written, "-"); ok {
		sign, written = "-", rest
	}
	parts, fraction, ok := timeParts(written, 0)
	if !ok || len(parts) > 3 || len(fraction) > t.Fraction && fraction[t.Fraction] >= '5' {
		return sign + written
	}
	switch {
	case len(parts) == 1:
		n := parts[0]
		parts = []int{n / 10000, n / 100 % 100, n % 100}
	case len(parts) == 2:
		parts = append(parts, 0)
	}
	return fmt.Sprintf("%s%02d:%02d:%02d", sign, parts[0], parts[1], parts[2]) + fractionText(t.Fraction, fraction)
}

// timeParts splits a date or time into its numbers and the digits after the
// second. yearDigits is how a date without separators starts.
func timeParts(written string, yearDigits int) (parts []int, fraction string, ok bool) {
	fields := strings.FieldsFunc(written, func(r rune) bool { return r < '0' || r > '9' })
	if len(fields) == 0 {
		return nil, "", false
	}
	dot := strings.LastIndexByte(written, '.')
	clock := 7
	if yearDigits == 0 {
		clock = 4
	}
	if dot >= 0 && (len(fields) == clock || len(fields) == 2) {
		fraction = fields[len(fields)-1]
		fields = fields[:len(fields)-1]
	}
	if len(fields) == 1 && yearDigits > 0 {
		fields = compactDate(fields[0])
	}
	for _, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil {
			return nil, "", false
		}
		parts = append(parts, n)
	}
	if yearDigits > 0 && len(fields) > 0 && len(fields[0]) <= 2 && parts[0]+len(fields[0]) > 1 {
		parts[0] += 2000
		if parts[0] >= 2070 {
			parts[0] -= 100
		}
	}
	return parts, fraction, true
}

// compactDate cuts YYYYMMDD, YYMMDD, YYYYMMDDhhmmss and YYMMDDhhmmss.
func compactDate(digits string) []string {
	year := 2
	if len(digits) == 8 || len(digits) == 14 {
		year = 4
	}
	if len(digits) <= year || (len(digits)-year)%2 == 1 {
		return []string{digits}
	}
	fields := []string{digits[:year]}
	for at := year; at < len(digits); at += 2 {
		fields = append(fields, digits[at:at+2])
	}
	return fields
}

func memberText(t change.Type, written string) string {
	for _, m := range t.Members {
		if m == written {
			return m
		}
	}
	for _, m := range t.Members {
		if strings.EqualFold(m, strings.TrimRight(written, " ")) {
			return m
		}
	}
	return written
}

// setText gives the members in the order of the type, each once.
func setText(t change.Type, written string) string {
	has := make(map[string]bool)
	for _, part := range strings.Split(written, ",") {
		has[memberText(t, part)] = true
	}
	var members []string
	for _, m := range t.Members {
		if has[m] {
			members = append(members, m)
			delete(has, m)
		}
	}
	if delete(has, ""); len(has) > 0 {
		return written
	}
	return strings.Join(members, ",")
}
