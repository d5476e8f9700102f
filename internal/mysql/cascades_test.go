package mysql

import (
	"fmt"
	"testing"

	"starferry/internal/change"
)

func TestCascadesOf(t *testing.T) {
	t.Parallel()
	child := change.Name{Database: "d", Table: "c"}
	for line, want := range map[string]string{
		"  CONSTRAINT `k` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE CASCADE":                                       "[{d.p d.c [id] true false}]",
		"  CONSTRAINT `k` FOREIGN KEY (`a`, `b`) REFERENCES `x`.`p` (`i``d`, `j`) ON DELETE NO ACTION ON UPDATE SET NULL,": "[{x.p d.c [i`d j] false true}]",
		"  CONSTRAINT `k` FOREIGN KEY (`a`) REFERENCES `p` (`id`)":                                                         "[]",
		"  CONSTRAINT `k` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE RESTRICT":                                      "[]",
		"  `a` int COMMENT 'REFERENCES `p` (`id`) ON DELETE CASCADE'":                                                      "[]",
	} {
		if got := fmt.Sprint(cascadesOf(child, line)); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
