package emulator

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// loadOptions are the headers of a load.
type loadOptions struct {
	label           string
	json            bool
	columns         string
	columnSeparator []byte
	rowDelimiter    []byte
	skipHeader      int
	trimSpace       bool
	enclose, escape byte // 0: not given
	maxFilterRatio  float64
	timeout         time.Duration
	strict          bool
	location        *time.Location
	jsonPaths       string
	stripOuterArray bool
	ignoreJSONSize  bool
	jsonRoot        string
	compression     codec
	where           string
	partitions      partitionChoice
	update          updateOptions
	rejectedRecords int // rows to keep of the filtered ones, -1 all
	negative        bool
}

// parseLoadOptions reads every header of a load. Headers that StarRocks does not look at,
// such as warehouse on a cluster whose backends keep the data themselves, are not either here.
func parseLoadOptions(h http.Header, fallback time.Duration) (*loadOptions, error) {
	o, err := parseBeginOptions(h, fallback)
	if err != nil {
		return nil, err
	}
	return o, o.parsePlan(h)
}

// parseBeginOptions reads what a backend needs before it begins.
func parseBeginOptions(h http.Header, fallback time.Duration) (*loadOptions, error) {
	o := &loadOptions{label: h.Get("label"), timeout: fallback, location: time.FixedZone("Asia/Shanghai", 8*3600)}
	if v := h.Get("enable_merge_commit"); v != "" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
		return nil, ddlError("Invalid parameter enable_merge_commit. The value must be bool type, but is %s", v)
	}
	switch f := strings.ToLower(h.Get("format")); f {
	case "", "csv":
	case "json":
		o.json = true
	case "gzip", "bzip2", "lz4", "deflate", "zstd":
		o.compression = csvCodecs[f]
	default:
		return nil, ddlError("unknown data format, format=%s", h.Get("format"))
	}
	o.ignoreJSONSize = isTrue(h, "ignore_json_size")
	if v := h.Get("timeout"); v != "" {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			return nil, ddlError("Invalid timeout format")
		}
		o.timeout = time.Duration(n) * time.Second
	}
	return o, nil
}

// parsePlan reads the headers that come into the plan.
func (o *loadOptions) parsePlan(h http.Header) error {
	o.columns, o.jsonPaths, o.jsonRoot, o.where = h.Get("columns"), h.Get("jsonpaths"), h.Get("json_root"), h.Get("where")
	o.stripOuterArray = isTrue(h, "strip_outer_array")
	for _, part := range []func(http.Header) error{o.parseCSV, o.parseCompression, o.parseTarget, o.parseCommon} {
		if err := part(h); err != nil {
			return err
		}
	}
	return nil
}

// maxLoadTimeout is max_stream_load_timeout_second.
const maxLoadTimeout = 259200 * time.Second

var errLoadTimeout = ddlError("Invalid timeout. Timeout should between 1 and 259200 seconds")

// isTrue reads a header that is false whatever else it says.
func isTrue(h http.Header, name string) bool { return strings.EqualFold(h.Get(name), "true") }

func (o *loadOptions) parseCSV(h http.Header) error {
	var err error
	if o.columnSeparator, err = delimiter(h.Get("column_separator"), "\t", "column separator"); err != nil {
		return err
	}
	if o.rowDelimiter, err = delimiter(h.Get("row_delimiter"), "\n", "row delimiter"); err != nil {
		return err
	}
	if v := h.Get("skip_header"); v != "" {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil {
			return ddlError("Invalid csv load skip_header format")
		}
		if n < 0 {
			return ddlError("skip_header must be equal or greater than 0")
		}
		o.skipHeader = n
	}
	if v := h.Get("enclose"); v != "" {
		o.enclose = v[0]
	}
	if v := h.Get("escape"); v != "" {
		o.escape = v[0]
	}
	return headerBool(h, "trim_space", &o.trimSpace, "Invalid trim space format. Must be bool type")
}

func (o *loadOptions) parseCommon(h http.Header) error {
	o.maxFilterRatio = leadingNumber(h.Get("max_filter_ratio"))
	if v := h.Get("timezone"); v != "" {
		loc, err := time.LoadLocation(v)
		if err != nil {
			return ddlError("Unknown or incorrect time zone: '%s'", v)
		}
		o.location = loc
	}
	for _, limit := range memoryLimits {
		v := h.Get(limit.name)
		if v == "" {
			continue
		}
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return ddlError("%s", limit.format)
		}
		if n < limit.least {
			return ddlError("%s", limit.tooSmall)
		}
	}
	if v := h.Get("load_dop"); v != "" {
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			return ddlError("Invalid load_dop format")
		}
	}
	if err := headerBool(h, "strict_mode", &o.strict, "Invalid strict mode format. Must be bool type"); err != nil {
		return err
	}
	return o.update.parse(h)
}

// memoryLimits are checked and change nothing. The format of exec_mem_limit is not checked
// by StarRocks.
var memoryLimits = []struct {
	name             string
	least            int64
	format, tooSmall string
}{
	{"load_mem_limit", 0, "Invalid load mem limit format", "load_mem_limit must be equal or greater than 0"},
	{"exec_mem_limit", 1, "not implemented by the embedded server: exec_mem_limit that is no number", "exec_mem_limit must be greater than 0"},
}

// leadingNumber is the number that a text begins with, else 0, as C reads it.
func leadingNumber(text string) float64 {
	text = strings.TrimLeft(text, blanks)
	text = text[:min(len(text), 64)]
	for end := len(text); end > 0; end-- {
		if f, err := strconv.ParseFloat(text[:end], 64); err == nil {
			return f
		}
	}
	return 0
}

func headerBool(h http.Header, name string, to *bool, message string) error {
	switch strings.ToLower(h.Get(name)) {
	case "", "false":
		*to = false
	case "true":
		*to = true
	default:
		return ddlError("%s", message)
	}
	return nil
}

// delimiter decodes a separator header: one hex string after \x, \X or 0x, otherwise
// the two-character escapes \t and \n.
func delimiter(v, missing, what string) ([]byte, error) {
	if v == "" {
		return []byte(missing), nil
	}
	out := []byte(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(v))
	if slices.Contains([]string{`\x`, `\X`, `0x`}, v[:min(2, len(v))]) {
		b, err := hex.DecodeString(v[2:])
		if err != nil || len(b) == 0 {
			return nil, ddlError("Invalid delimiter '%s': '%s' is not a hex string", v, v[2:])
		}
		out = b
	}
	if len(out) == 0 || len(out) > 50 {
		return nil, ddlError("The valid bytes length for '%s' is [1, 50]", what)
	}
	return out, nil
}
