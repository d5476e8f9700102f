package starrocks

// bytesPerCharacter is how many bytes one character of a MySQL charset may need
// in UTF-8, which is what StarRocks counts lengths in. An unknown charset counts
// as the widest.
func bytesPerCharacter(charset string) int {
	switch charset {
	case "ascii":
		return 1
	case "latin2", "latin5", "dec8", "swe7":
		return 2
	case "utf8", "utf8mb3", "ucs2",
		// One byte each, but with characters such as the euro sign or box drawings
		// that need three in UTF-8.
		"latin1", "latin7", "greek", "hebrew", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866",
		"koi8r", "koi8u", "hp8", "macroman", "macce", "armscii8", "tis620", "geostd8", "keybcs2",
		"gbk", "gb2312", "big5", "sjis", "cp932", "ujis", "eucjpms", "euckr":
		return 3
	}
	return 4
}
