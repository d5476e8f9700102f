package cells

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"starferry/internal/testbed"
)

func TestCharsetTablesAreTheServers(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		for charset, e := range encodings {
			if e.maxLength > 1 {
				continue
			}
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

// repertoireOf is the same, made once.
func repertoireOf(charset string) []string {
	if codes, ok := repertoires.Load(charset); ok {
		return codes.([]string)
	}
	codes, _ := repertoire(charset)
	repertoires.Store(charset, codes)
	return codes
}

var repertoires sync.Map // charset → codes

// repertoire is every well-formed code of a charset of several bytes, and what makes
// no character by itself.
func repertoire(charset string) (codes, malformed []string) {
	s := shapes[charset]
	add := func(p ...byte) {
		if s.size(p) == len(p) {
			codes = append(codes, string(p))
		} else if len(p) < 3 {
			malformed = append(malformed, string(p))
		}
	}
	for a := range 256 {
		if a < 0x80 {
			codes = append(codes, string([]byte{byte(a)}))
			continue
		}
		add(byte(a))
		for b := range 256 {
			if s.size([]byte{byte(a)}) == 0 { // else two characters
				add(byte(a), byte(b))
			}
			for c := 0x81; s.threes && a == 0x8f && c < 256; c++ {
				add(byte(a), byte(b), byte(c))
			}
			for c := 0x81; s.fours && isDigit(byte(b)) && c < 256; c++ {
				for d := '0'; d <= '9'; d++ {
					add(byte(a), byte(b), byte(c), byte(d))
				}
			}
		}
	}
	return codes, malformed
}

// Every code of every charset of several bytes, on both servers; a difference is a
// line for the table in charset_differences.go.
func TestEveryCodeMeansWhatItMeansToTheServers(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		compared := 0
		for _, charset := range slices.Sorted(maps.Keys(shapes)) {
			if charset == "gb18030" && s.Flavor == testbed.MariaDBFlavor {
				continue // it has none
			}
			codes := repertoireOf(charset)
			var got []byte
			ends := make([]int, len(codes))
			for i, code := range codes {
				got = encodings[charset].append(got, []byte(code))
				ends[i] = len(got)
			}
			var want []byte
			query := fmt.Sprintf("SELECT CONVERT(CONVERT(UNHEX(?) USING %s) USING utf8mb4)", charset)
			if err := s.DB().QueryRowContext(t.Context(), query, hex.EncodeToString([]byte(strings.Join(codes, "")))).Scan(&want); err != nil {
				t.Fatal(charset, err)
			}
			compared += len(codes)
			if bytes.Equal(got, want) {
				continue
			}
			i := 0
			for i < len(codes)-1 && ends[i] <= len(want) && bytes.Equal(got[:ends[i]], want[:ends[i]]) {
				i++
			}
			at := ends[max(i-1, 0)]
			t.Errorf("%s: code %x is %q here, %s says %.12q", charset, codes[i], got[at:ends[i]], s.Flavor, want[min(at, len(want)):])
		}
		t.Logf("%d codes of %d charsets compared", compared, len(shapes))
	})
}

// The code the servers write for a character that has several is the one a key may have.
func TestCharactersWithSeveralCodes(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		for _, charset := range slices.Sorted(maps.Keys(shapes)) {
			if charset == "gb18030" && s.Flavor == testbed.MariaDBFlavor {
				continue
			}
			shape := shapes[charset]
			table := newCharTable(charset, &shape)
			for code := range table.second {
				text := encodings[charset].append(nil, []byte(code))
				if string(text) == "\ufffd" {
					continue // no character has a code of it
				}
				var written []byte
				query := fmt.Sprintf("SELECT CAST(CONVERT(_utf8mb4 x'%x' USING %s) AS BINARY)", text, charset)
				if err := s.DB().QueryRowContext(t.Context(), query).Scan(&written); err != nil {
					t.Fatal(charset, err)
				}
				if string(written) == code || table.second[string(written)] {
					t.Errorf("%s: %s writes %s as %x", charset, s.Flavor, text, written)
				}
			}
			t.Logf("%s: %d codes of characters that have another", charset, len(table.second))
		}
	})
}

// What is no character here is none to MySQL: it stores no such text.
func TestMalformedTextIsMalformedToMySQL(t *testing.T) {
	t.Parallel()
	s := testbed.MySQL(t)
	for _, charset := range slices.Sorted(maps.Keys(shapes)) {
		_, malformed := repertoire(charset)
		quoted := make([]string, len(malformed))
		for i, code := range malformed {
			quoted[i] = fmt.Sprintf("\"%x\"", code)
		}
		query := fmt.Sprintf("SELECT COUNT(*), MIN(c) FROM JSON_TABLE('[%s]', '$[*]' COLUMNS (c VARCHAR(8) PATH '$')) codes"+
			" WHERE REPLACE(CONVERT(CONVERT(UNHEX(c) USING %s) USING utf8mb4), '?', '') <> ''", strings.Join(quoted, ","), charset)
		var count int
		var first sql.NullString
		if err := s.DB().QueryRowContext(t.Context(), query).Scan(&count, &first); err != nil {
			t.Fatal(charset, err)
		}
		if count > 0 {
			t.Errorf("%s: %d codes mean something to MySQL, the first is %s", charset, count, first.String)
		}
	}
}

// Every charset the servers list is carried.
func TestEveryCharsetOfTheServersIsCarried(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		rows, err := s.DB().QueryContext(t.Context(), "SELECT CHARACTER_SET_NAME, MAXLEN FROM information_schema.CHARACTER_SETS")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		carried := 0
		for rows.Next() {
			var name string
			var length int
			if err := rows.Scan(&name, &length); err != nil {
				t.Fatal(err)
			}
			if name == "binary" { // text of it is BINARY
				continue
			}
			if e := encodings[name]; e == nil || e.maxLength != length {
				t.Errorf("%s, of up to %d bytes, is not carried (%+v)", name, length, e)
			}
			carried++
		}
		if err := rows.Err(); err != nil || carried < 36 {
			t.Errorf("%d charsets: %v", carried, err)
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
