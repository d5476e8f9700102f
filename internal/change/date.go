package change

// IsDate tells whether the text of a DATE, DATETIME or TIMESTAMP begins with a date that
// the calendar has. MySQL has others too: 0000-00-00, 2024-02-00, and 2024-02-30.
func IsDate(text []byte) bool {
	if len(text) < len("2006-01-02") {
		return false
	}
	month, day := twoDigits(text[5:]), twoDigits(text[8:])
	return month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= DaysOfMonth(text))
}

// DaysOfMonth is how many days the month at the head of a text, 2006-01, has.
func DaysOfMonth(text []byte) int {
	switch twoDigits(text[5:]) {
	case 2:
		century, year := twoDigits(text), twoDigits(text[2:])
		if year%4 == 0 && (year != 0 || century%4 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func twoDigits(text []byte) int { return int(text[0]-'0')*10 + int(text[1]-'0') }
