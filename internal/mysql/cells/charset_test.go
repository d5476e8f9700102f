package cells

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

func TestCharsetTablesAreTheServers(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		for charset := range singleByte {
			var each []string
			for b := range 256 {
				each = append(each, fmt.Sprintf("CONVERT(_%s x'%02x' USING utf8mb4)", charset, b))
			}
			var want string
			if err := s.DB().QueryRowContext(t.Context(), "SELECT HEX(CONCAT("+strings.Join(each, ",")+"))").Scan(&want); err != nil {
				t.Fatal(err)
			}
			var bytes []byte
			for b := range 256 {
				bytes = append(bytes, byte(b))
			}
			if got := strings.ToUpper(hex.EncodeToString(encodings[charset].append(nil, bytes))); got != want {
				t.Errorf("%s: %s\n%s says %s", charset, got, s.Flavor, want)
			}
		}
	})
}

func TestCollationNumbersAreTheServers(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		from := "COLLATIONS"
		if s.Flavor == testbed.MariaDBFlavor {
			from = "COLLATION_CHARACTER_SET_APPLICABILITY"
		}
		rows, err := s.DB().QueryContext(t.Context(), "SELECT ID, CHARACTER_SET_NAME FROM information_schema."+from+" WHERE ID IS NOT NULL")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		compared := 0
		for rows.Next() {
			var id uint64
			var charset string
			if err := rows.Scan(&id, &charset); err != nil {
				t.Fatal(err)
			}
			if got := charsetOf(id); got != charset {
				t.Errorf("collation %d: %q, %s says %q", id, got, s.Flavor, charset)
			}
			compared++
		}
		if err := rows.Err(); err != nil || compared < 100 {
			t.Errorf("%d collations: %v", compared, err)
		}
		if charsetOf(17) != "" || charsetOf(1<<40) != "" {
			t.Error("a number that is nobody's has a charset")
		}
	})
}
