package plan

import (
	"slices"
	"testing"
)

func TestFailoverHosts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]Host{
		"":                       nil,
		"h2":                     {{"h2", 3307}},
		"h2:3306, h3,[::1]:3308": {{"h2", 3306}, {"h3", 3307}, {"::1", 3308}},
	} {
		if got, err := parseFailoverHosts(text, 3307); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"h2:0", "h2:x", "mysql://h2", "h2 h3"} {
		if hosts, err := parseFailoverHosts(text, 3306); err == nil {
			t.Errorf("%q was read as %v", text, hosts)
		}
	}
}
