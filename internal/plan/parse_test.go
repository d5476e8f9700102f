package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"starferry/internal/diag"
	"starferry/internal/script"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"1 min": time.Minute, "10 min": 10 * time.Minute, "10 s": 10 * time.Second, "5000": 5 * time.Second, "500ms": 500 * time.Millisecond,
		"1h": time.Hour, "1 d": 24 * time.Hour, "2 DAYS": 48 * time.Hour, " 3  seconds ": 3 * time.Second, "0": 0, "7 µs": 7 * time.Microsecond,
		"PT1M": time.Minute, "P1DT2H3M4S": 26*time.Hour + 3*time.Minute + 4*time.Second, "pt0s": 0, "1 m": time.Minute, "9 ns": 9,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "min", "1 fortnight", "-1 s", "1.5 s", "9223372036854775807 d", "P", "PT", "P1", "PT1D", "PT1S1M", "P1DT", "99999999999999999999", "PTT1S", "P-1D", "1 min 2 s"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"16mb": 16 << 20, "16 MB": 16 << 20, "94371840": 94371840, "1g": 1 << 30, "2 kb": 2048, "1 t": 1 << 40, "5 bytes": 5, "3 mebibytes": 3 << 20, "0": 0,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "mb", "-1", "1.5 gb", "1 pb", "8388608 tb", "99999999999999999999"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestParseJDBC(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"jdbc:mysql://fe1:9030":                    {"fe1:9030"},
		"jdbc:mysql://fe1:9030,fe2:9031/db?x=y":    {"fe1:9030", "fe2:9031"},
		"jdbc:mysql:loadbalance://fe1:9030?a=/b":   {"fe1:9030"},
		" JDBC:MySQL://[::1]:9030/ ":               {"[::1]:9030"},
		"jdbc:mariadb://fe1:9030":                  {"fe1:9030"},
		"jdbc:mysql://fe1:9030/a?user=x&p=a,b:1;2": {"fe1:9030"},
	} {
		if got, err := parseJDBC(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "fe1:9030", "jdbc:mysql://", "jdbc:mysql:///db", "jdbc:mysql://fe1", "jdbc:mysql://:9030", "jdbc:mysql://u@h:9030", "jdbc:mysql://h:0", "jdbc:mysql://a b:1"} {
		if got, err := parseJDBC(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestDecodeSeparator(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`\x01`: "\x01", `\X0102`: "\x01\x02", `0x7f`: "\x7f", `\t`: "\t", `a\nb`: "a\nb", `|@|`: "|@|", `\r`: `\r`, "é": "é",
	} {
		if got, err := DecodeSeparator(text); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", `\x`, `\x1`, `\xzz`, `\x80`, `\x01a`, strings.Repeat("a", 51)} {
		if got, err := DecodeSeparator(text); err == nil {
			t.Errorf("%q: %q, want an error", text, got)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, text := range []string{"1 min", "PT1M", "P1DT2H", "16mb", "jdbc:mysql://fe1:9030,fe2:9030/db", `\x01`, "a=b,c=d", "5400-5404", "-"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDuration(text); err == nil && d < 0 {
			t.Errorf("duration %q is %v", text, d)
		}
		if n, err := ParseSize(text); err == nil && n < 0 {
			t.Errorf("size %q is %d", text, n)
		}
		if hosts, err := parseJDBC(text); err == nil && len(hosts) == 0 {
			t.Errorf("jdbc-url %q has no host", text)
		}
		if b, err := DecodeSeparator(text); err == nil && (len(b) < 1 || len(b) > 50) {
			t.Errorf("separator %q has %d bytes", text, len(b))
		}
		for i := range table {
			if _, n, err := checkValue(&table[i], text); err == nil && table[i].Max > 0 && (n < table[i].Min || n > table[i].Max) {
				t.Errorf("%s accepts %q as %d", table[i].Key, text, n)
			}
		}
	})
}

// FuzzCompile checks that any script compiles without a panic, that findings lie
// inside it, and that there is a plan exactly when nothing is wrong.
func FuzzCompile(f *testing.F) {
	for _, input := range goldenInputs(f) {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := &diag.File{Name: "x.sql", Text: text}
		s, findings := script.Parse(file)
		p, more := Compile(s, "")
		for _, finding := range more {
			if at := finding.Span; at.Start < 0 || at.End < at.Start || at.End > len(text) {
				t.Errorf("%s has span %v in a text of %d bytes", finding.Message, at, len(text))
			}
			if finding.Severity == diag.Error && finding.Fix == "" {
				t.Errorf("%s has no remedy", finding.Message)
			}
		}
		if (p == nil) != diag.HasErrors(append(findings, more...)) {
			t.Errorf("plan %v with findings %v %v", p, findings, more)
		}
		if p == nil {
			return
		}
		for _, r := range p.Routes {
			if r.Source.Table == "" || r.Source.Database == "" || r.Target.Table == "" || r.Target.Database == "" || r.Properties == "" ||
				p.Source.Host == "" || len(p.Target.Query) == 0 || len(p.Target.Load) == 0 || r.Flush.MaxBytes <= 0 || r.Flush.MaxRows <= 0 {
				t.Errorf("a plan that cannot run: %+v %+v", p, r)
			}
		}
	})
}
