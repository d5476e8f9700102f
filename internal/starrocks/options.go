package starrocks

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// LoadOptions say how the loads of one target table are sent.
type LoadOptions struct {
	// ColumnSeparator and RowDelimiter as written in a script, for example \x01; empty
	// for tab and newline.
	ColumnSeparator string
	RowDelimiter    string
	Timeout         time.Duration // of one load or open transaction at StarRocks; 600 s when 0
	// PreparedTimeout is how long a prepared transaction is kept; 0 leaves it to StarRocks,
	// and so do versions before 3.5.4.
	PreparedTimeout time.Duration
	// Headers are the other sink.properties.*, without that prefix.
	Headers map[string]string
}

// passedOn are the headers of a load that may be the user's own: they change how
// StarRocks works, not what it stores.
var passedOn = map[string]bool{
	"load_mem_limit": true, "exec_mem_limit": true, "log_rejected_record_num": true, "warehouse": true,
	"transmission_compression_type": true, "enable_replicated_storage": true, "timezone": true, "load_dop": true,
}

// mustBe are the headers that have only one value here.
var mustBe = map[string]string{
	"strict_mode": "true", "max_filter_ratio": "0", "ignore_json_size": "true", "strip_outer_array": "",
	"partial_update": "false", "enable_merge_commit": "false", "trim_space": "false", "negative": "false", "skip_header": "0",
}

// Check tells whether loads can be sent this way. The error joins one Problem per
// option that they cannot use.
func (o LoadOptions) Check() error {
	_, err := o.compile()
	return err
}

// Configure sets how the loads of a target table are sent. It is to be called before
// Loads; without it the defaults are in force.
func (c *Client) Configure(target change.Name, o LoadOptions) error {
	if _, err := o.compile(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.options[target] = o
	return nil
}

// compiled are LoadOptions ready for use.
type compiled struct {
	separator []byte
	delimiter []byte
	timeout   time.Duration
	prepared  time.Duration
	headers   map[string]string
	json      bool // the user wants JSON
}

func (o LoadOptions) compile() (compiled, error) {
	out := compiled{timeout: o.Timeout, prepared: o.PreparedTimeout, headers: map[string]string{"timezone": "UTC"}}
	if out.timeout <= 0 {
		out.timeout = defaultLoadTimeout
	}
	var problems []error
	parse := func(written, otherwise string) []byte {
		if written == "" {
			written = otherwise
		}
		parsed, err := ParseSeparator(written)
		problems = append(problems, err)
		return parsed
	}
	out.separator, out.delimiter = parse(o.ColumnSeparator, `\t`), parse(o.RowDelimiter, `\n`)
	names := make([]string, 0, len(o.Headers))
	for name := range o.Headers {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, written := range names {
		name, value := strings.ToLower(written), strings.TrimSpace(o.Headers[written])
		problems = append(problems, out.take(name, value))
	}
	return out, diag.Join(problems...)
}

// take checks one header and keeps it when it is to be passed on.
func (o *compiled) take(name, value string) error {
	fixed, hasOne := mustBe[name]
	switch {
	case strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return headerProblem(name, value, "a control character cannot be sent", "take the character out.")
	case name == "format" && strings.EqualFold(value, "csv"):
		return nil
	case name == "format" && strings.EqualFold(value, "json"):
		o.json = true
		return nil
	case name == "format":
		return headerProblem(name, value, "loads are sent as csv or json", "write 'csv' or 'json'.")
	case hasOne && (fixed == "" || strings.EqualFold(value, fixed) || name == "max_filter_ratio" && strings.Trim(value, "0.") == "" && value != ""):
		return nil
	case hasOne:
		return headerProblem(name, value, "loads are strict and complete, or rows would be lost without an error", fmt.Sprintf("leave the option out, or write '%s'.", fixed))
	case passedOn[name]:
		o.headers[name] = value
		return nil
	}
	return headerProblem(name, value, "the rows of a load are laid out here", "leave the option out.")
}

func headerProblem(name, value, why, fix string) error {
	return &diag.Problem{Code: CodeHeader, Message: fmt.Sprintf("'sink.properties.%s' = '%s' cannot be used: %s", name, value, why), Fix: fix}
}
