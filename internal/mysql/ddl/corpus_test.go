package ddl

import (
	"os"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestCorpus runs testdata/corpus.sql on both servers. A line is a statement, or
// starts with "mysql:" or "mariadb:" when only one of them accepts it. A refusal
// that the file does not announce is a failure, so that the corpus cannot wither.
func TestCorpus(t *testing.T) {
	t.Parallel()
	corpus, err := os.ReadFile("testdata/corpus.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, flavor := range []string{"mysql", "mariadb"} {
		t.Run(flavor, func(t *testing.T) {
			t.Parallel()
			mariaDB := flavor == "mariadb"
			server := testbed.MySQL
			if mariaDB {
				server = testbed.MariaDB
			}
			o := newOracle(t, server(t), mariaDB)
			for _, line := range strings.Split(string(corpus), "\n") {
				if statement, ok := corpusLine(line, flavor); ok && !o.run(statement) {
					t.Errorf("%s refuses: %s", flavor, o.refused[len(o.refused)-1])
				}
			}
			t.Logf("%d statements", o.accepted)
		})
	}
}

// corpusLine gives the statement of a line for a server.
func corpusLine(line, flavor string) (string, bool) {
	if line == "" || strings.HasPrefix(line, "--") {
		return "", false
	}
	for _, one := range []string{"mysql", "mariadb"} {
		if rest, ok := strings.CutPrefix(line, one+": "); ok {
			return rest, one == flavor
		}
	}
	return line, true
}
