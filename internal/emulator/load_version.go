package emulator

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// headersSince are the headers that older versions pass over without a word.
var headersSince = map[string]feature{
	"enclose": featureCSVQuoting, "escape": featureCSVQuoting, "trim_space": featureCSVQuoting, "skip_header": featureCSVQuoting,
	"log_rejected_record_num": featureRejectedRecords, "compression": featureJSONCompression, "Content-Encoding": featureJSONCompression,
	"enable_merge_commit": featureMergeCommit,
}

// knownHeaders are the headers of a load as the imitated version understands them.
func (s *Server) knownHeaders(h http.Header) http.Header {
	h = h.Clone()
	for name, f := range headersSince {
		if !s.has(f) {
			h.Del(name)
		}
	}
	if s.has(featureDelimiterEscapes) {
		return h
	}
	for _, name := range []string{"column_separator", "row_delimiter"} {
		// The two characters \t were themselves a delimiter; spelled in hex they stay it.
		if v := h.Get(name); strings.Contains(v, `\t`) || strings.Contains(v, `\n`) {
			h.Set(name, `\x`+hex.EncodeToString([]byte(v)))
		}
	}
	return h
}
