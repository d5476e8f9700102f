package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/script"
)

// sourceEnd and targetEnd remember which statement named the one source and target
// of the deployment first.
type sourceEnd struct {
	Source
	line int
}

type targetEnd struct {
	Target
	line int
}

// takeSource reads the source of a statement; all statements must have the same.
func (c *compiler) takeSource(st *script.CreateTableAs, options layers, name change.Name) {
	ok := c.require(st, "hostname", options, InOptions, st.Source.At, "add it to the catalog or to OPTIONS.")
	if !c.require(st, "username", options, InOptions, st.Source.At, "add it to the catalog or to OPTIONS.") || !ok || options.unset() {
		return
	}
	source := Source{
		Host: options.text("hostname", InOptions), Port: int(options.number("port", InOptions)),
		User: options.text("username", InOptions), Password: diag.NewSecret(options.text("password", InOptions)),
		TLS: tlsOf(options), ConnectTimeout: time.Duration(options.number("connect.timeout", InOptions)) * time.Millisecond,
	}
	// bind has checked the text.
	source.Failover, _ = parseFailoverHosts(options.text("failover.hosts", InOptions), source.Port)
	source.FailoverWait = time.Duration(options.number("failover.wait", InOptions)) * time.Millisecond
	source.Booleans = options.text("catalog.table.treat-tinyint1-as-boolean", InOptions) == "true"
	source.Zone, _ = parseZone(options.text("server-time-zone", InOptions))
	source.ZeroDates = map[string]change.ZeroDates{"convert-to-null": change.NullZeroDates, "round": change.RoundZeroDates}[options.text("zero-date.behavior", InOptions)]
	source.Startup = c.startup(st, options)
	if b, _ := options.get("server-id"); b != nil {
		source.ServerID = c.serverID(b)
	}
	line, _ := c.file.Position(st.At.Start)
	if c.source == nil {
		c.source = &sourceEnd{source, line}
		c.plan.Source = source
		c.inForceOptions(withoutSchema(options), InOptions, name, "")
		return
	}
	c.compareSources(st, options, source)
}

// compareSources reports in what the source of a statement differs from the first.
func (c *compiler) compareSources(st *script.CreateTableAs, options layers, source Source) {
	first := c.source
	differ, fix := "", "write a script for each source: one deployment reads from one MySQL server, as one user."
	switch {
	case !strings.EqualFold(source.Host, first.Host) || source.Port != first.Port:
		differ = fmt.Sprintf("reads from %s:%d, the one on line %d from %s:%d", source.Host, source.Port, first.line, first.Host, first.Port)
	case source.User != first.User:
		differ = fmt.Sprintf("reads as user '%s', the one on line %d as '%s'", source.User, first.line, first.User)
	case source.Password.Reveal() != first.Password.Reveal():
		differ = fmt.Sprintf("has another MySQL password than the one on line %d", first.line)
	case source.Booleans != first.Booleans || source.Zone != first.Zone || source.ZeroDates != first.ZeroDates:
		differ = fmt.Sprintf("takes TINYINT(1), TIMESTAMP or zero dates for something else than the one on line %d", first.line)
		fix = "write catalog.table.treat-tinyint1-as-boolean, server-time-zone and zero-date.behavior into the mysql catalog, or the same into every statement."
	case source.Startup != first.Startup:
		differ = fmt.Sprintf("begins elsewhere in the binlog (scan.startup.…) than the one on line %d", first.line)
		fix = "write scan.startup.… into the mysql catalog, or the same into every statement; or a script for each place."
	case source.TLS != first.TLS:
		differ = fmt.Sprintf("has ssl-mode %s, the one on line %d %s", source.TLS, first.line, first.TLS)
	}
	if differ != "" {
		c.error(CodeTwoSources, c.placeOf(options, st.Source.At, "hostname", "port", "username", "password", startupMode), "this statement "+differ, fix)
		return
	}
	if source.ServerID != first.ServerID || source.ConnectTimeout != first.ConnectTimeout ||
		!slices.Equal(source.Failover, first.Failover) || source.FailoverWait != first.FailoverWait {
		c.warn(CodeTwoSources, c.placeOf(options, st.Source.At, "server-id", "connect.timeout", "failover.hosts", "failover.wait"),
			fmt.Sprintf("one connection reads for all statements: server-id, connect.timeout and failover.… of the one on line %d are used", first.line),
			"write them into the catalog, or the same into every statement.")
	}
}

// placeOf finds the first of the options that is written, for pointing at it.
func (c *compiler) placeOf(options layers, otherwise diag.Span, keys ...string) diag.Span {
	for _, key := range keys {
		if b := options[0].get(key); b != nil {
			return b.text.At
		}
	}
	return otherwise
}

func tlsOf(options layers) string {
	if b, _ := options.get("ssl-mode"); b != nil {
		return b.value
	}
	if b, _ := options.get("jdbc.properties.useSSL"); b != nil {
		return map[string]string{"true": "required", "false": "disabled"}[b.value]
	}
	return options.text("ssl-mode", InOptions)
}

// serverID takes one id, or the first of a range.
func (c *compiler) serverID(b *bound) uint32 {
	first, isRange, _ := parseServerID(b.value)
	if isRange && c.source == nil {
		c.info(CodeServerIDRange, b.text.At, fmt.Sprintf("one reader needs one server id: %d is used", first), "")
	}
	return first
}

// takeTarget reads the target of a statement; all statements must have the same.
func (c *compiler) takeTarget(st *script.CreateTableAs, options layers) {
	fix := "add 'jdbc-url' = 'jdbc:mysql://host:9030' to WITH, or 'endpoint' = 'host:9030' to the catalog."
	query, ok := options.queryHosts()
	if !ok {
		c.require(st, "jdbc-url", options, InWith, st.Name.At, fix)
	}
	fix = "add 'load-url' = 'host:8030' to WITH: a frontend's HTTP address. The port is usually 8030, on newer EMR 18030."
	loads := c.require(st, "load-url", options, InWith, st.Name.At, fix)
	if !c.require(st, "username", options, InWith, st.Name.At, "add it to the catalog or to WITH.") || !ok || !loads || options.unset() {
		return
	}
	b, _ := options.get("load-url")
	// bind has checked both texts.
	hosts, _ := parseHosts(b.value, "8030")
	redirects, _ := parseMap(options.text("sink.redirect-hosts", InWith))
	target := Target{
		Query: query, Load: hosts, User: options.text("username", InWith), Password: diag.NewSecret(options.text("password", InWith)),
		RedirectHosts: redirects, ConnectTimeout: time.Duration(options.number("sink.connect.timeout-ms", InWith)) * time.Millisecond,
	}
	line, _ := c.file.Position(st.At.Start)
	if c.target == nil {
		c.target = &targetEnd{target, line}
		c.plan.Target = target
		return
	}
	c.compareTargets(st, options, target)
}

// queryHosts are where StarRocks takes SQL: what jdbc-url says, or else a catalog's
// endpoint. bind has checked both texts.
func (ls layers) queryHosts() (hosts []string, written bool) {
	if b, _ := ls.get("jdbc-url"); b != nil {
		hosts, _ = parseJDBC(b.value)
		return hosts, true
	}
	if b, _ := ls.get("endpoint"); b != nil {
		hosts, _ = parseHosts(b.value, "9030")
		return hosts, true
	}
	return nil, false
}

func (c *compiler) compareTargets(st *script.CreateTableAs, options layers, target Target) {
	first := c.target
	differ := ""
	switch {
	case !sameHosts(target.Query, first.Query):
		differ = fmt.Sprintf("writes to %s, the one on line %d to %s", strings.Join(target.Query, ","), first.line, strings.Join(first.Query, ","))
	case !sameHosts(target.Load, first.Load):
		differ = fmt.Sprintf("loads through %s, the one on line %d through %s", strings.Join(target.Load, ";"), first.line, strings.Join(first.Load, ";"))
	case target.User != first.User:
		differ = fmt.Sprintf("writes as user '%s', the one on line %d as '%s'", target.User, first.line, first.User)
	case target.Password.Reveal() != first.Password.Reveal():
		differ = fmt.Sprintf("has another StarRocks password than the one on line %d", first.line)
	case !maps.Equal(target.RedirectHosts, first.RedirectHosts):
		differ = fmt.Sprintf("has other sink.redirect-hosts than the one on line %d", first.line)
	}
	if differ != "" {
		c.error(CodeTwoTargets, c.placeOf(options, st.Name.At, "jdbc-url", "load-url", "username", "password", "sink.redirect-hosts"), "this statement "+differ,
			"write a script for each target: one deployment writes to one StarRocks cluster, as one user.")
	}
}

func sameHosts(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// require reports an option that is needed and was not written; not for a statement
// that could not be read whole, where it may only have been unreadable.
func (c *compiler) require(st script.Statement, key string, options layers, where Scope, at diag.Span, fix string) bool {
	if b, _ := options.get(key); b != nil {
		return true
	}
	if !st.IsBroken() && !c.lost && !c.mentioned(key) && !c.alreadyMissing(key, options) {
		c.error(CodeMissingOption, at, fmt.Sprintf("option '%s' is missing in %s", key, where.phrase()), fix)
	}
	return false
}

// alreadyMissing tells that another statement missed the same option of the same
// catalog: writing it there mends both.
func (c *compiler) alreadyMissing(key string, options layers) bool {
	if find(key, InMySQLCatalog|InStarRocksCatalog) == nil {
		return false
	}
	place := [2]string{options[len(options)-1].origin, key}
	if c.missing[place] {
		return true
	}
	c.missing[place] = true
	return false
}

// mentioned tells that the option is written but could not be used: a finding says
// so already.
func (c *compiler) mentioned(key string) bool {
	return slices.ContainsFunc(c.findings, func(f diag.Finding) bool {
		named := strings.Contains(f.Message, "'"+key+"'") || f.Code == CodeUnknownOption && strings.Contains(f.Fix, "'"+key+"'")
		return named && f.Severity == diag.Error && f.Code != CodeMissingOption
	})
}
