package ddl

import "strings"

// charsetInfo is what types and columns depend on: the most bytes of one character,
// and the collation that a server takes when only the charset is named.
type charsetInfo struct {
	maxBytes  int
	collation string
}

var charsets = map[string]charsetInfo{
	"armscii8": {1, "armscii8_general_ci"}, "ascii": {1, "ascii_general_ci"},
	"big5": {2, "big5_chinese_ci"}, "binary": {1, "binary"},
	"cp1250": {1, "cp1250_general_ci"}, "cp1251": {1, "cp1251_general_ci"},
	"cp1256": {1, "cp1256_general_ci"}, "cp1257": {1, "cp1257_general_ci"},
	"cp850": {1, "cp850_general_ci"}, "cp852": {1, "cp852_general_ci"},
	"cp866": {1, "cp866_general_ci"}, "cp932": {2, "cp932_japanese_ci"},
	"dec8": {1, "dec8_swedish_ci"}, "eucjpms": {3, "eucjpms_japanese_ci"},
	"euckr": {2, "euckr_korean_ci"}, "gb18030": {4, "gb18030_chinese_ci"},
	"gb2312": {2, "gb2312_chinese_ci"}, "gbk": {2, "gbk_chinese_ci"},
	"geostd8": {1, "geostd8_general_ci"}, "greek": {1, "greek_general_ci"},
	"hebrew": {1, "hebrew_general_ci"}, "hp8": {1, "hp8_english_ci"},
	"keybcs2": {1, "keybcs2_general_ci"}, "koi8r": {1, "koi8r_general_ci"},
	"koi8u": {1, "koi8u_general_ci"}, "latin1": {1, "latin1_swedish_ci"},
	"latin2": {1, "latin2_general_ci"}, "latin5": {1, "latin5_turkish_ci"},
	"latin7": {1, "latin7_general_ci"}, "macce": {1, "macce_general_ci"},
	"macroman": {1, "macroman_general_ci"}, "sjis": {2, "sjis_japanese_ci"},
	"swe7": {1, "swe7_swedish_ci"}, "tis620": {1, "tis620_thai_ci"},
	"ucs2": {2, "ucs2_general_ci"}, "ujis": {3, "ujis_japanese_ci"},
	"utf16": {4, "utf16_general_ci"}, "utf16le": {4, "utf16le_general_ci"},
	"utf32": {4, "utf32_general_ci"}, "utf8mb3": {3, "utf8mb3_general_ci"},
	"utf8mb4": {4, "utf8mb4_0900_ai_ci"},
}

// canonicalCharset gives one name to a charset: utf8 is utf8mb3 on every server here.
func canonicalCharset(charset string) string {
	charset = strings.ToLower(charset)
	if charset == "utf8" {
		return "utf8mb3"
	}
	return charset
}

// canonicalCollation gives one name to a collation, utf8_x being utf8mb3_x.
func canonicalCollation(collation string) string {
	collation = strings.ToLower(collation)
	if rest, ok := strings.CutPrefix(collation, "utf8_"); ok {
		return "utf8mb3_" + rest
	}
	return collation
}

// charsetOf gives the charset of a collation, "" when the collation fits several
// (MariaDB's uca1400_ai_ci).
func charsetOf(collation string) string {
	head, _, _ := strings.Cut(canonicalCollation(collation), "_")
	if _, ok := charsets[head]; ok {
		return head
	}
	return ""
}

// defaultCollation is the collation that a charset alone means.
func (s *Session) defaultCollation(charset string) string {
	if s.DefaultCollation != nil {
		if given := s.DefaultCollation(charset); given != "" {
			return canonicalCollation(given)
		}
	}
	if s.MariaDB && charset == "utf8mb4" {
		return "utf8mb4_general_ci"
	}
	if info, ok := charsets[charset]; ok {
		return info.collation
	}
	return charset + "_general_ci"
}

// textOrder is a charset with its collation.
type textOrder struct{ charset, collation string }

// order completes what a clause says of charset and collation; outer is what holds
// where it says neither.
func (s *Session) order(charset, collation string, outer textOrder) textOrder {
	charset, collation = canonicalCharset(charset), canonicalCollation(collation)
	switch {
	case charset == "" && collation == "":
		return outer
	case charset == "":
		if charset = charsetOf(collation); charset == "" {
			charset = outer.charset
		}
	case collation == "":
		return textOrder{charset, s.defaultCollation(charset)}
	}
	if charsetOf(collation) == "" && charset != "" {
		collation = charset + "_" + collation
	}
	return textOrder{charset, collation}
}

// databaseOrder is the order of the statement's database.
func (s *Session) databaseOrder() textOrder {
	return s.order(s.DatabaseCharset, s.DatabaseCollation, textOrder{})
}

// maxBytes is the most bytes a character of the charset takes.
func maxBytes(charset string) int {
	if info, ok := charsets[charset]; ok {
		return info.maxBytes
	}
	return 1
}
