package testbed

import (
	"strings"
	"testing"
)

func TestParseCluster(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, want string }{
		{"root:@sr:9030,http=8030", "root||sr:9030|sr:8030"},
		{"root:secret@sr:9030,http=8030", "root|secret|sr:9030|sr:8030"},
		{"root:secret@sr:9030,be.sr:8040", "root|secret|sr:9030|be.sr:8040"},
		{"u:p@:s,http=1@sr:9030,fe.x:18030", "u|p@:s,http=1|sr:9030|fe.x:18030"},
		{"u:p@[::1]:9030,http=8030", "u|p|[::1]:9030|[::1]:8030"},
		{"u:p@[::1]:9030,10.0.0.7:8030", "u|p|[::1]:9030|10.0.0.7:8030"},
		{"", "!"},
		{"sr:9030,http=8030", "!"},
		{"root@sr:9030,http=8030", "!"},
		{":p@sr:9030,http=8030", "!"},
		{"u:p@sr:9030", "!"},
		{"u:p@sr:9030,", "!"},
		{"u:p@sr,http=8030", "!"},
		{"u:p@:9030,http=8030", "!"},
		{"u:p@sr:9030,http=", "!"},
		{"u:p@sr:9030,http=0", "!"},
		{"u:p@sr:90300,http=8030", "!"},
		{"u:p@sr:9030,http=http", "!"},
		{"u:p@sr:9030,8030", "!"},
		{"u:p@sr:9030,https=8030", "!"},
		{"u:p@sr:9030,sr:8030,sr2:8030", "!"},
		{"u:p@sr:9030,http://sr:8030", "!"},
	} {
		got := "!"
		cluster, err := parseCluster(c.value)
		switch {
		case err == nil:
			got = strings.Join([]string{cluster.User, cluster.Password, cluster.Query, cluster.Load}, "|")
		case !strings.Contains(err.Error(), ClusterVariable+" must be"):
			t.Errorf("%q: %v", c.value, err)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.value, got, c.want)
		}
	}
}

func TestNamedCluster(t *testing.T) {
	t.Setenv(ClusterVariable, "")
	if c, err := NamedCluster(); c != nil || err != nil {
		t.Errorf("without the variable: %v %v", c, err)
	}
	t.Setenv(ClusterVariable, "root:secret@sr:9030,http=8030")
	if c, err := NamedCluster(); err != nil || *c != (Cluster{"sr:9030", "sr:8030", "root", "secret"}) {
		t.Errorf("got %v, %v", c, err)
	}
	t.Setenv(ClusterVariable, "root:secret@sr")
	if c, err := NamedCluster(); c != nil || err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a wrong value: %v, %v", c, err)
	}
}
