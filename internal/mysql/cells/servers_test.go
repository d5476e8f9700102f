package cells

import (
	"testing"

	"starferry/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// onServers runs a test on real MySQL and MariaDB.
func onServers(t *testing.T, test func(t *testing.T, s *testbed.Server)) {
	t.Run("MySQL", func(t *testing.T) { t.Parallel(); test(t, testbed.MySQL(t)) })
	t.Run("MariaDB", func(t *testing.T) { t.Parallel(); test(t, testbed.MariaDB(t)) })
}
