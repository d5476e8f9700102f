package emulator

import (
	"strings"
)

// defaultVariables are the variables drivers and tools ask for.
var defaultVariables = map[string]string{
	"autocommit": "true", "auto_increment_increment": "1", "auto_increment_offset": "1", "character_set_client": "utf8",
	"character_set_connection": "utf8", "character_set_database": "utf8", "character_set_results": "utf8", "character_set_server": "utf8",
	"collation_connection": "utf8_general_ci", "collation_database": "utf8_general_ci", "collation_server": "utf8_general_ci",
	"have_query_cache": "false", "init_connect": "", "insert_timeout": "14400", "interactive_timeout": "3600", "language": "/starrocks/share/english/",
	"license": "Apache License 2.0", "lower_case_table_names": "0", "max_allowed_packet": "33554432", "net_buffer_length": "16384",
	"net_read_timeout": "60", "net_write_timeout": "60", "performance_schema": "false", "query_cache_size": "1048576", "query_cache_type": "0",
	"query_timeout": "300", "sql_auto_is_null": "false", "sql_mode": "ONLY_FULL_GROUP_BY", "sql_safe_updates": "0", "sql_select_limit": "9223372036854775807",
	"system_time_zone": "UTC", "time_zone": "UTC", "transaction_isolation": "READ-COMMITTED", "transaction_read_only": "false",
	"tx_isolation": "READ-COMMITTED", "tx_read_only": "false", "version": "", "version_comment": "", "wait_timeout": "28800",
	"catalog": "default_catalog", "foreign_key_checks": "true", "unique_checks": "true", "enable_profile": "false", "parallel_fragment_exec_instance_num": "1",
	"pipeline_dop": "0", "enable_pipeline_engine": "true", "wait_timeout_ms": "0", "default_storage_engine": "olap", "div_precision_increment": "4",
}

// readOnlyVariables cannot be set.
var readOnlyVariables = map[string]bool{"version": true, "version_comment": true, "license": true, "lower_case_table_names": true, "system_time_zone": true, "performance_schema": true}

func errUnknownVariable(name string) error {
	return newSQLError(1193, "HY000", "Unknown system variable '%s'", name)
}

func (ss *session) variableText(name string) string {
	if v, ok := ss.vars[name]; ok {
		return v
	}
	switch name {
	case "version":
		return ss.server.handshakeVersion()
	case "version_comment":
		return "StarRocks version " + ss.server.cfg.Version
	}
	return defaultVariables[name]
}

func (ss *session) variable(ref *variableRef) (value, error) {
	if ref.user {
		return ss.userVars[strings.ToLower(ref.name)], nil
	}
	if _, ok := defaultVariables[ref.name]; !ok {
		return null, errUnknownVariable(ref.name)
	}
	text := ss.variableText(ref.name)
	switch strings.ToLower(text) {
	case "true":
		return boolValue(true), nil
	case "false":
		return boolValue(false), nil
	}
	if n, ok := parseShortInt([]byte(text)); ok {
		return intValue(n), nil
	}
	return textValue(text), nil
}

type (
	assignment struct {
		name string
		user bool
		x    expr
	}
	setStmt         struct{ list []assignment }
	setPasswordStmt struct{ user, password string }
)

func (p *parser) setStatement() statement {
	p.expect("SET")
	switch {
	case p.accept("NAMES"), p.accept("CHARSET"), p.accept("CHARACTER", "SET"):
		if !p.accept("DEFAULT") {
			p.identOrString()
		}
		if p.accept("COLLATE") {
			p.identOrString()
		}
		return setStmt{}
	case p.accept("PASSWORD"):
		st := setPasswordStmt{}
		if p.accept("FOR") {
			st.user = p.userIdentity()
		}
		p.expectOp("=")
		if p.accept("PASSWORD") {
			p.expectOp("(")
			st.password = p.expectString()
			p.expectOp(")")
		} else {
			p.refuse("SET PASSWORD with a hash")
		}
		return st
	case p.accept("CATALOG"):
		if name := p.identOrString(); p.err == nil && name != "default_catalog" {
			p.setErr(analysisError("Unknown catalog '%s'", name))
		}
		return setStmt{}
	case p.accept("ROLE"), p.accept("DEFAULT", "ROLE"), p.isWord("PROPERTY"):
		p.refuse("roles and user properties")
		return nil
	}
	st := setStmt{}
	for {
		st.list = append(st.list, p.assignment())
		if !p.acceptOp(",") {
			return st
		}
	}
}

func (p *parser) assignment() assignment {
	var a assignment
	switch {
	case p.acceptOp("@@"):
		ref, _ := p.systemVariable().(*variableRef)
		a.name = ref.name
	case p.acceptOp("@"):
		a.user, a.name = true, strings.ToLower(p.ident())
	default:
		if p.accept("SESSION") || p.accept("GLOBAL") || p.accept("LOCAL") {
			if p.accept("TRANSACTION") {
				for p.peek().kind == tokWord {
					p.next()
				}
				return assignment{name: "tx_isolation", x: &literal{textValue("READ-COMMITTED")}}
			}
		}
		a.name = strings.ToLower(p.ident())
	}
	if !p.acceptOp(":=") {
		p.expectOp("=")
	}
	if t := p.peek(); t.kind == tokWord && wordSet("ON OFF DEFAULT BINARY")[t.upper] {
		p.next()
		a.x = &literal{textValue(t.text)}
		return a
	}
	a.x = p.expr()
	return a
}

func (ss *session) runSet(st setStmt) error {
	scope := &rowScope{session: ss}
	for _, a := range st.list {
		// SET sql_mode = STRICT_TRANS_TABLES: a bare word is a text here.
		if ref, ok := a.x.(*columnRef); ok {
			a.x = &literal{textValue(ref.name)}
		}
		v, err := a.x.eval(scope)
		if err != nil {
			return err
		}
		if a.user {
			ss.userVars[a.name] = v
			continue
		}
		def, known := defaultVariables[a.name]
		switch {
		case !known:
			return errUnknownVariable(a.name)
		case readOnlyVariables[a.name]:
			return newSQLError(1238, "HY000", "Variable '%s' is a read only variable", a.name)
		}
		text := v.text()
		switch strings.ToUpper(text) {
		case "DEFAULT":
			text = def
		case "ON":
			text = "true"
		case "OFF":
			text = "false"
		}
		if def == "true" || def == "false" {
			is, _ := textValue(text).truth()
			text = boolText(is)
		}
		ss.vars[a.name] = text
	}
	return nil
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
