package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"

	"starferry/internal/diag"
)

// errorCode is the server's number of an error, from either client library; 0 when
// the error does not come from the server.
func errorCode(err error) uint16 {
	var one *driver.MySQLError
	if errors.As(err, &one) {
		return one.Number
	}
	var other *gomysql.MyError
	if errors.As(err, &other) {
		return other.Code
	}
	return 0
}

// loginProblem says why a connection could not be had.
func (s *Source) loginProblem(err error) error {
	if found := diag.Find(err); found != nil {
		return found
	}
	p := &diag.Problem{Class: diag.Unusable, Cause: err}
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var operation *net.OpError
	switch code := errorCode(err); {
	case errors.Is(err, context.Canceled):
		return err
	case code == 1045 || code == 1698 || code == 1862 || code == 3118 || code == 1820:
		p.Code = codeLogin
		p.Message = fmt.Sprintf("MySQL %s refuses the login of user '%s'", s.address(), s.config.User)
		p.Fix = fmt.Sprintf("check username and password; on the server: ALTER USER '%s'@'%%' IDENTIFIED BY '…';", s.config.User)
	case code == 1040 || code == 1203 || code == 1226 || code == 1053 || code == 3032:
		p.Code, p.Class = codeUnreachable, diag.Transient
		p.Message = fmt.Sprintf("MySQL %s takes no more connections at the moment", s.address())
		p.Fix = "raise max_connections, or close connections that are not needed."
	case code == 1129 || code == 1130:
		p.Code = codeLogin
		p.Message = fmt.Sprintf("MySQL %s does not accept connections from this host", s.address())
		p.Fix = fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '…';  (after too many failed attempts: FLUSH HOSTS;)", s.config.User)
	case errors.Is(err, driver.ErrNoTLS) || errors.As(err, &certificate) || errors.As(err, &authority) || code == 3159:
		p.Code = codeTLS
		p.Message = fmt.Sprintf("no TLS connection to MySQL %s in mode '%s'", s.address(), s.config.TLS)
		p.Fix = "enable TLS at the server with a certificate this machine trusts, or choose another TLS mode (preferred, required)."
	case errors.As(err, &operation) || errors.Is(err, context.DeadlineExceeded):
		p.Code = codeUnreachable
		p.Message = fmt.Sprintf("no connection to MySQL %s", s.address())
		p.Fix = "check hostname and port, that the server runs and listens on that address, and that no firewall is between."
	default:
		p.Code = codeUnreachable
		p.Message = fmt.Sprintf("logging in to MySQL %s failed", s.address())
		p.Fix = "check that this address and port belong to a MySQL or MariaDB server."
	}
	return p
}

// queryProblem says what became of a statement of ours. Lost connections and limits
// are Transient, what the server forbids is Refused.
func (s *Source) queryProblem(what string, err error) error {
	if err == nil {
		return nil
	}
	if found := diag.Find(err); found != nil || errors.Is(err, context.Canceled) {
		return err
	}
	code := errorCode(err)
	switch {
	case code == 0:
		return &diag.Problem{Code: codeLost, Class: diag.Transient,
			Message: fmt.Sprintf("the connection to MySQL %s was lost (%s)", s.address(), what), Cause: err}
	case code == 1205 || code == 1213 || code == 3024 || code == 1969 || code == 1317 || code == 1927 ||
		code == 1053 || code == 1040 || code == 1158 || code == 1159 || code == 1160 || code == 1161 || code == 3032 || code == 2013 || code == 4031:
		return &diag.Problem{Code: codeBusy, Class: diag.Transient,
			Message: fmt.Sprintf("MySQL %s did not finish: %s", s.address(), what), Cause: err}
	case code == 1044 || code == 1045 || code == 1142 || code == 1143 || code == 1227 || code == 1370:
		return &diag.Problem{Code: codeGrant, Class: diag.Refused,
			Message: fmt.Sprintf("user '%s' may not do this on MySQL %s: %s", s.config.User, s.address(), what),
			Fix:     "grant what the server's message names.", Cause: err}
	}
	return &diag.Problem{Code: codeQuery, Class: diag.Refused,
		Message: fmt.Sprintf("MySQL %s refuses: %s", s.address(), what), Cause: err,
		Fix: "see the server's message."}
}

// otherServer is the Problem of an address that leads to more than one server.
func (s *Source) otherServer(id string) error {
	return &diag.Problem{Code: codeOtherServer, Class: diag.Transient,
		Message: fmt.Sprintf("address %s led to server %s and now leads to server %s", s.address(), s.server.ID, id),
		Fix:     "give the address of one server, not of a load balancer or a reader endpoint; after a failover, start again."}
}

var spaces = regexp.MustCompile(`\s+`)

// excerpt is a statement as people see it in a message: on one line, not too long.
func excerpt(statement string) string {
	const limit = 200
	one := strings.TrimSpace(spaces.ReplaceAllString(statement, " "))
	if runes := []rune(one); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return one
}

// quoted is a name between back-quotes.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// literal is a text between quotes, for sessions whose sql_mode is empty.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", `\0`).Replace(text) + "'"
}
