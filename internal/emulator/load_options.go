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

// unsupportedHeaders are refused rather than ignored; the second text, when not empty,
// is the one harmless value.
var unsupportedHeaders = [][2]string{
	{"warehouse", "default_warehouse"}, {"transaction_type", ""},
}

func parseLoadOptions(h http.Header, fallback time.Duration) (*loadOptions, error) {
	o := &loadOptions{label: h.Get("label"), columns: h.Get("columns"), timeout: fallback, jsonPaths: h.Get("jsonpaths"), jsonRoot: h.Get("json_root"), where: h.Get("where"), location: time.FixedZone("Asia/Shanghai", 8*3600)}
	if v := h.Get("enable_merge_commit"); v != "" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
		return nil, ddlError("Invalid parameter enable_merge_commit. The value must be bool type, but is %s", v)
	}
	for _, u := range unsupportedHeaders {
		if v := h.Get(u[0]); v != "" && !strings.EqualFold(v, u[1]) {
			return nil, ddlError("not implemented by the embedded server: header %s: %s", u[0], v)
		}
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
	if o.label != "" && !labelForm.MatchString(o.label) {
		return nil, ddlError("Label format error. regex: %s, label: %s", labelForm, o.label)
	}
	if err := o.parseCSV(h); err != nil {
		return nil, err
	}
	if err := o.parseCompression(h); err != nil {
		return nil, err
	}
	if err := o.parseTarget(h); err != nil {
		return nil, err
	}
	return o, o.parseCommon(h)
}

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
	if v := h.Get("timeout"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			return ddlError("Invalid timeout format")
		}
		if n > 259200 {
			return ddlError("The timeout should be between 1 and 259200 seconds")
		}
		o.timeout = time.Duration(n) * time.Second
	}
	if v := h.Get("max_filter_ratio"); v != "" {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || f < 0 || f > 1 {
			return ddlError("Invalid max_filter_ratio: %s", v)
		}
		o.maxFilterRatio = f
	}
	if v := h.Get("timezone"); v != "" {
		loc, err := time.LoadLocation(v)
		if err != nil {
			return ddlError("Unknown or incorrect time zone: '%s'", v)
		}
		o.location = loc
	}
	for _, name := range []string{"load_mem_limit", "exec_mem_limit"} {
		if v := h.Get(name); v != "" {
			if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < 0 {
				return ddlError("Invalid mem limit format")
			}
		}
	}
	if err := headerBool(h, "strict_mode", &o.strict, "Invalid strict mode format. Must be bool type"); err != nil {
		return err
	}
	if err := o.update.parse(h); err != nil {
		return err
	}
	if err := headerBool(h, "strip_outer_array", &o.stripOuterArray, "Invalid strip_outer_array format. Must be bool type"); err != nil {
		return err
	}
	return headerBool(h, "ignore_json_size", &o.ignoreJSONSize, "Invalid ignore_json_size format. Must be bool type")
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
