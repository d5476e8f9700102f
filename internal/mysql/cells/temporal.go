package cells

import "encoding/binary"

// appendTemporal appends a date or time from exactly its bytes.
func (c *column) appendTemporal(dst, p []byte) ([]byte, error) {
	switch c.op {
	case opYear:
		if p[0] == 0 {
			return append(dst, "0000"...), nil
		}
		return appendFour(dst, uint32(p[0])+1900), nil
	case opDate:
		v := uint24(p)
		return appendDate(dst, v>>9, v>>5&15, v&31)
	case opTime:
		return appendTime(dst, p, c.fraction)
	case opDateTime:
		return appendDateTime(dst, p, c.fraction)
	case opTimestamp:
		return appendTimestamp(dst, binary.BigEndian.Uint32(p), microseconds(p[4:]), c.fraction)
	case opOldTime:
		return appendOldTime(dst, uint24(p))
	case opOldDateTime:
		return appendOldDateTime(dst, binary.LittleEndian.Uint64(p))
	case opOldTimestamp:
		return appendTimestamp(dst, binary.LittleEndian.Uint32(p), 0, 0)
	}
	return dst, errDate
}

// microseconds reads a stored fraction: one byte counts hundredths, two count
// ten-thousandths, three millionths of a second.
func microseconds(p []byte) uint32 {
	v := uint32(bigEndian(p))
	switch len(p) {
	case 1:
		return v * 10_000
	case 2:
		return v * 100
	}
	return v
}

// appendDateTime reads five bytes: a bit that is always set, 17 bits of
// year*13+month, 5 of day, 5 of hour, 6 of minute, 6 of second; then the fraction.
func appendDateTime(dst, p []byte, fraction int) ([]byte, error) {
	packed := bigEndian(p[:5])
	if packed>>39 != 1 {
		return dst, errDate
	}
	yearMonth := uint32(packed >> 22 & (1<<17 - 1))
	dst, err := appendDate(dst, yearMonth/13, yearMonth%13, uint32(packed>>17&31))
	if err != nil {
		return dst, err
	}
	dst = append(dst, ' ')
	return appendClock(dst, uint32(packed>>12&31), uint32(packed>>6&63), uint32(packed&63), microseconds(p[5:]), fraction)
}

// appendTime reads three bytes: a bit that is set for what is not negative, an
// unused one, 10 bits of hours, 6 of minutes, 6 of seconds; then the fraction.
// A negative value is stored as the complement of the whole number, fraction
// included.
func appendTime(dst, p []byte, fraction int) ([]byte, error) {
	size := uint(8 * len(p))
	packed := bigEndian(p)
	half := uint64(1) << (size - 1)
	if packed < half {
		dst = append(dst, '-')
		packed = half - packed
	} else {
		packed -= half
	}
	tail := size - 24
	stored := uint32(packed & (1<<tail - 1))
	switch tail {
	case 8:
		stored *= 10_000
	case 16:
		stored *= 100
	}
	packed >>= tail
	return appendClock(dst, uint32(packed>>12), uint32(packed>>6&63), uint32(packed&63), stored, fraction)
}

// appendTimestamp appends seconds since 1970 in UTC; 0 is the zero date. (MariaDB
// stores fractions of the first second of 1970, MySQL does not.)
func appendTimestamp(dst []byte, seconds, micro uint32, fraction int) ([]byte, error) {
	if seconds == 0 && micro == 0 {
		dst = append(dst, "0000-00-00 "...)
		return appendClock(dst, 0, 0, 0, 0, fraction)
	}
	year, month, day := civil(seconds / 86400)
	dst, err := appendDate(dst, year, month, day)
	if err != nil {
		return dst, err
	}
	dst = append(dst, ' ')
	clock := seconds % 86400
	return appendClock(dst, clock/3600, clock/60%60, clock%60, micro, fraction)
}

// civil turns days since 1970-01-01 into a date of the Gregorian calendar. Years
// are counted from March, so that the leap day is the last one.
func civil(days uint32) (year, month, day uint32) {
	days += 719468 // since 0000-03-01
	era := days / 146097
	dayOfEra := days % 146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	year, month, day = era*400+yearOfEra, m+3, dayOfYear-(153*m+2)/5+1
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// appendOldTime reads the digits HHHMMSS of a signed number.
func appendOldTime(dst []byte, v uint32) ([]byte, error) {
	if v >= 1<<23 {
		dst = append(dst, '-')
		v = 1<<24 - v
	}
	return appendClock(dst, v/10_000, v/100%100, v%100, 0, 0)
}

// appendOldDateTime reads the digits YYYYMMDDHHMMSS.
func appendOldDateTime(dst []byte, v uint64) ([]byte, error) {
	if v > 99991231235959 {
		return dst, errDate
	}
	date, clock := uint32(v/1_000_000), uint32(v%1_000_000)
	dst, err := appendDate(dst, date/10_000, date/100%100, date%100)
	if err != nil {
		return dst, err
	}
	dst = append(dst, ' ')
	return appendClock(dst, clock/10_000, clock/100%100, clock%100, 0, 0)
}

// appendDate appends YYYY-MM-DD; zero month and day are dates for MySQL.
func appendDate(dst []byte, year, month, day uint32) ([]byte, error) {
	if year > 9999 || month > 12 || day > 31 {
		return dst, errDate
	}
	n := len(dst)
	dst = room(dst, 10)[:n+10]
	p := dst[n:]
	putTwo(p[8:], day)
	p[7] = '-'
	putTwo(p[5:], month)
	p[4] = '-'
	putTwo(p[2:], year%100)
	putTwo(p, year/100)
	return dst, nil
}

// appendClock appends HH:MM:SS, hours with a third digit when needed, and as many
// digits of the second as the type declares.
func appendClock(dst []byte, hour, minute, second, micro uint32, fraction int) ([]byte, error) {
	if hour > 838 || minute > 59 || second > 59 || micro > 999_999 {
		return dst, errDate
	}
	dst = room(dst, digitRoom)
	if hour > 99 {
		dst = append(dst, byte('0'+hour/100))
		hour %= 100
	}
	n := len(dst)
	dst = dst[:n+8]
	p := dst[n:]
	putTwo(p[6:], second)
	p[5] = ':'
	putTwo(p[3:], minute)
	p[2] = ':'
	putTwo(p, hour)
	if fraction > 0 {
		dst = append(dst, '.')
		dst = appendDigits(dst, micro/powers[6-fraction], fraction)
	}
	return dst, nil
}

func appendFour(dst []byte, v uint32) []byte { return appendTwo(appendTwo(dst, v/100), v%100) }

func appendTwo(dst []byte, v uint32) []byte {
	return append(dst, byte(twoDigits[v]), byte(twoDigits[v]>>8))
}
