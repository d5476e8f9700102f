package plan

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"starferry/internal/diag"
)

// checkValue reads text as the option's type says. The error is the sentence that
// says what a value looks like, without its full stop.
func checkValue(o *Option, text string) (value string, number int64, err error) {
	if o.Type != String || !o.Secret {
		text = strings.TrimSpace(text)
	}
	switch o.Type {
	case Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if at, wrong := time.Parse(time.DateTime, text); err != nil && wrong == nil && o.Key == startupMillis {
			return text, 0, fmt.Errorf("write milliseconds since 1970 in UTC: '%d' if that was a time in UTC", at.UnixMilli())
		}
		if err != nil {
			return text, 0, errors.New("write a whole number" + bounds(o, strconv.FormatInt))
		}
		return text, n, inBounds(o, n, strconv.FormatInt)
	case Bool:
		if !strings.EqualFold(text, "true") && !strings.EqualFold(text, "false") {
			return text, 0, errors.New("write 'true' or 'false'")
		}
		return strings.ToLower(text), 0, nil
	case Duration:
		d, err := ParseDuration(text)
		if err != nil {
			return text, 0, err
		}
		show := showDuration
		if strings.HasSuffix(o.Key, "-ms") {
			show = strconv.FormatInt
		}
		return text, d.Milliseconds(), inBounds(o, d.Milliseconds(), show)
	case Size:
		n, err := ParseSize(text)
		if err != nil {
			return text, 0, err
		}
		return text, n, inBounds(o, n, showSize)
	case Enum:
		return checkEnum(o, text)
	case HostList:
		_, err := parseHosts(text, usualPort(o.Key))
		return text, 0, err
	case Map:
		_, err := parseMap(text)
		return text, 0, err
	}
	if o.Required && text == "" {
		return text, 0, errors.New("write one that is not empty")
	}
	if o.Check != nil {
		return text, 0, o.Check(text)
	}
	return text, 0, nil
}

func checkEnum(o *Option, text string) (string, int64, error) {
	all := append(append([]string{}, o.Values...), o.Known...)
	for _, v := range all {
		if sameWord(v, text) {
			return v, 0, nil
		}
	}
	quoted := "'" + strings.Join(o.Values, "', '") + "'"
	if near := diag.Nearest(text, all); near != "" {
		return text, 0, fmt.Errorf("did you mean '%s'? It is one of %s", near, quoted)
	}
	return text, 0, errors.New("write one of " + quoted)
}

func inBounds(o *Option, n int64, show func(int64, int) string) error {
	if o.Min == 0 && o.Max == 0 {
		if n < 0 {
			return errors.New("write one that is not negative")
		}
		return nil
	}
	if n < o.Min || n > o.Max {
		return errors.New("write one" + bounds(o, show))
	}
	return nil
}

func bounds(o *Option, show func(int64, int) string) string {
	if o.Min == 0 && o.Max == 0 {
		return ""
	}
	return fmt.Sprintf(" from %s to %s", show(o.Min, 10), show(o.Max, 10))
}

func showDuration(ms int64, _ int) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{86_400_000, " d"}, {3_600_000, " h"}, {60_000, " min"}, {1000, " s"}} {
		if ms >= unit.size && ms%unit.size == 0 {
			return fmt.Sprint(ms/unit.size) + unit.name
		}
	}
	return fmt.Sprint(ms, " ms")
}

func showSize(bytes int64, _ int) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 40, "tb"}, {1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}} {
		if bytes >= unit.size && bytes%unit.size == 0 {
			return fmt.Sprint(bytes/unit.size) + unit.name
		}
	}
	return fmt.Sprint(bytes)
}

// parseMap reads from=to, several between , or ;.
func parseMap(text string) (map[string]string, error) {
	entries := map[string]string{}
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' }) {
		from, to, ok := strings.Cut(entry, "=")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if !ok || from == "" || to == "" {
			return nil, errors.New("write from=to, several with commas between them: 'be1:8040=127.0.0.1:8040,be2=127.0.0.1'")
		}
		if other, twice := entries[from]; twice && other != to {
			return nil, fmt.Errorf("'%s' stands for two addresses: write it once", from)
		}
		entries[from] = to
	}
	return entries, nil
}
