package cells

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// The server reads the text of a geometry as the same bytes again.
func TestGeometriesAreReadAsTheSameAgain(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		inOrder := ""
		if s.Flavor == testbed.MySQLFlavor {
			inOrder = ", 'axis-order=long-lat'"
		}
		for _, literal := range geometries(s.Flavor).literals {
			var value, again []byte
			if err := s.DB().QueryRowContext(t.Context(), "SELECT "+literal).Scan(&value); err != nil {
				t.Fatal(literal, err)
			}
			text, err := appendGeometry(nil, value)
			if err != nil {
				t.Errorf("%s: %v", literal, err)
				continue
			}
			srid, wkt := 0, string(text)
			if rest, ok := strings.CutPrefix(wkt, "SRID="); ok {
				number, rest, _ := strings.Cut(rest, ";")
				srid, _ = strconv.Atoi(number)
				wkt = rest
			}
			if strings.HasPrefix(wkt, "MULTIPOINT") { // MariaDB knows them without the inner parentheses only
				wkt = "MULTIPOINT(" + strings.NewReplacer("(", "", ")", "").Replace(strings.TrimPrefix(wkt, "MULTIPOINT")) + ")"
			}
			query := fmt.Sprintf("SELECT ST_GeomFromText('%s', %d%s)", wkt, srid, inOrder)
			if err := s.DB().QueryRowContext(t.Context(), query).Scan(&again); err != nil {
				t.Fatal(query, err)
			}
			if string(again) != string(value) || srid != int(binary.LittleEndian.Uint32(value)) {
				t.Errorf("%s: %x became %s, which is %x", literal, value, text, again)
			}
		}
	})
}

func TestBrokenGeometriesAndVectors(t *testing.T) {
	t.Parallel()
	const point = "000000000101000000000000000000f03f0000000000000440"
	for _, c := range []struct{ hex, want string }{
		{point, "POINT(1 2.5)"},
		{"00000000" + "0000000001" + "3ff0000000000000" + "4004000000000000", "POINT(1 2.5)"}, // big-endian
		{"e6100000" + point[8:], "SRID=4326;POINT(1 2.5)"},
		{point[:len(point)-2], ""}, {point + "00", ""}, {"000000", ""}, {"00000000010800000000000000", ""}, {"00000000020100000000000000", ""},
		{"000000000101000000000000000000f07f0000000000000440", ""}, // infinite
		{"00000000" + strings.Repeat("010700000001000000", 200) + "010700000000000000", ""},
		{"000000000102000000ffffffff", ""},
	} {
		value, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendGeometry(nil, value)
		if (err == nil) != (c.want != "") || err == nil && string(got) != c.want {
			t.Errorf("%.60s: %.60s %v, want %q", c.hex, got, err, c.want)
		}
	}
	for value, want := range map[string]string{"": "[]", "\x00\x00\x80?": "[1]", "\x00\x00\x80": "", "\x00\x00\x80\x7f": ""} {
		if got, err := appendVector(nil, []byte(value)); (err == nil) != (want != "") || err == nil && string(got) != want {
			t.Errorf("%x: %s %v", value, got, err)
		}
	}
}
