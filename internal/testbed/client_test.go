package testbed

import (
	"strings"
	"testing"
)

// TestClients: MySQL's own programs log in at a server of the testbed.
func TestClients(t *testing.T) {
	t.Parallel()
	s := MySQL(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"mysql":       {[]string{"--batch", "--skip-column-names", "-e", "SELECT 6 * 7"}, "42\n"},
		"mysqlbinlog": {[]string{"--read-from-remote-server", "--stop-position=4", "binlog.000001"}, "DELIMITER"},
	} {
		cmd, err := s.Client(t.Context(), name, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
