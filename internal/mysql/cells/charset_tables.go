package cells

import "strings"

// singleByte holds the meaning of the bytes 0x80 to 0xff, in the servers' own
// tables; a question mark stands where they have none.
var singleByte = map[string]string{
	"ascii": strings.Repeat("?", 128),
	// Windows 1252 whose five holes are the control characters of the same number.
	"latin1": "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ" +
		"\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
}

// charsetOf names the charset of a collation number, "" for one not known here.
func charsetOf(collation uint64) string { return "" }
