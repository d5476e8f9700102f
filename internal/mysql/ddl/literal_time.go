package ddl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"starferry/internal/change"
)

// yearText: one digit or two are years from 1970 to 2069, but for the number 0.
func yearText(v defaultValue) (string, bool) {
	value, _, ok := v.rational()
	if !ok || v.literal.kind == bits || !value.IsInt() || !value.Num().IsInt64() {
		return "", false
	}
	n := value.Num().Int64()
	digits := strings.TrimSpace(v.literal.text)
	if v.literal.kind == text && (strings.Trim(digits, "0123456789") != "" || len(digits) == 3 || len(digits) == 4 && n > 0 && n < 1901) {
		return "", false
	}
	switch {
	case n == 0 && (v.literal.kind == number || len(digits) == 4):
		return "0000", true
	case n >= 0 && n < 70:
		return strconv.FormatInt(2000+n, 10), true
	case n >= 70 && n < 100:
		return strconv.FormatInt(1900+n, 10), true
	}
	return strconv.FormatInt(n, 10), n > 1900 && n < 2156
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

// mustRound tells a fraction of which more than is kept would count: MySQL rounds and
// MariaDB cuts, unless their sql_mode says the other.
func mustRound(fraction string, digits int) bool {
	return len(fraction) > digits && fraction[digits] >= '5'
}

var (
	dated = regexp.MustCompile(`^([0-9]{4}|[0-9]{2})[-./]([0-9]{1,2})[-./]([0-9]{1,2})(?:[ T]([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,6}))?)?)?$`)
	timed = regexp.MustCompile(`^(-?)([0-9]{1,3}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,6}))?)?$`)
)

// dateText brings '2020-1-2', '2020.01.02', 20200102 and 20200102030405 to the form that
// the server prints.
func dateText(t change.Type, v defaultValue) (string, bool) {
	written := v.sign + v.literal.text
	if v.literal.kind == number {
		written = numberedDate(written)
	}
	if written = compactDate(written); written == "0" {
		written = "0000-00-00"
	}
	m := dated.FindStringSubmatch(written)
	if m == nil || v.literal.kind == bits || mustRound(m[7], t.Fraction) {
		return "", false
	}
	var n [7]int
	for i := 1; i < 7; i++ {
		n[i], _ = strconv.Atoi(m[i]) // of digits, or there is none
	}
	zero := strings.Trim(written, "0-./ T:") == "" && len(m[1]) == 4
	switch {
	case zero:
	case len(m[1]) == 2 && n[1] < 70:
		n[1] += 2000
	case len(m[1]) == 2:
		n[1] += 1900
	}
	day := time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], 0, time.UTC)
	if !zero && (day.Day() != n[3] || int(day.Month()) != n[2] || day.Hour() != n[4] || day.Minute() != n[5] || day.Second() != n[6]) {
		return "", false // none that there is: what becomes of it depends on the sql_mode
	}
	date := fmt.Sprintf("%04d-%02d-%02d", n[1], n[2], n[3])
	if t.Base == change.Date {
		return date, true
	}
	return date + fmt.Sprintf(" %02d:%02d:%02d", n[4], n[5], n[6]) + fractionText(t.Fraction, m[7]), true
}

// numberedDate writes a number out to all digits of its date: 101 is 2000-01-01.
func numberedDate(written string) string {
	n, err := strconv.ParseInt(written, 10, 64)
	switch {
	case err != nil || n < 0:
		return ""
	case n == 0:
		return "0"
	case n < 1_000_000:
		return fmt.Sprintf("%06d", n)
	case n < 100_000_000:
		return fmt.Sprintf("%08d", n)
	case n < 1_000_000_000_000:
		return fmt.Sprintf("%012d", n)
	}
	return fmt.Sprintf("%014d", n)
}

// compactDate takes YYYYMMDD, YYMMDD, YYYYMMDDhhmmss and YYMMDDhhmmss apart.
func compactDate(digits string) string {
	if strings.Trim(digits, "0123456789") != "" {
		return digits
	}
	year := 2
	switch len(digits) {
	case 8, 14:
		year = 4
	case 6, 12:
	default:
		return digits
	}
	date := digits[:year] + "-" + digits[year:year+2] + "-" + digits[year+2:year+4]
	if clock := digits[year+4:]; clock != "" {
		date += " " + clock[:2] + ":" + clock[2:4] + ":" + clock[4:]
	}
	return date
}

// timeText brings '1:2:3' and 101112 to the form that the server prints.
func timeText(t change.Type, v defaultValue) (string, bool) {
	written := v.sign + v.literal.text
	if digits := strings.TrimPrefix(written, "-"); digits != "" && len(digits) <= 7 && strings.Trim(digits, "0123456789") == "" {
		n, _ := strconv.Atoi(digits) // of seven digits
		written = fmt.Sprintf("%s%02d:%02d:%02d", written[:len(written)-len(digits)], n/10000, n/100%100, n%100)
	}
	m := timed.FindStringSubmatch(written)
	if m == nil || v.literal.kind == bits || mustRound(m[5], t.Fraction) {
		return "", false
	}
	hours, _ := strconv.Atoi(m[2])
	minutes, _ := strconv.Atoi(m[3])
	seconds, _ := strconv.Atoi(m[4])
	if hours > 838 || minutes > 59 || seconds > 59 || strings.Trim(written, "0:.-") == "" && m[1] != "" {
		return "", false
	}
	if hours == 838 && minutes == 59 && seconds == 59 && strings.Trim(m[5], "0") != "" {
		return "", false // beyond the last there is
	}
	return fmt.Sprintf("%s%02d:%02d:%02d", m[1], hours, minutes, seconds) + fractionText(t.Fraction, m[5]), true
}
