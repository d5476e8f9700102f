package starrocks

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/diag"
)

// StarRocks renumbered its errors around 3.3; both generations are met, and some
// paths know only 1064 and a text.

func isUnknownDatabase(err error) bool { return hasCode(err, "Unknown database", 5501, 1049) }

func isUnknownTable(err error) bool { return hasCode(err, "Unknown table", 5502, 1051, 1146) }

func isDenied(err error) bool { return hasCode(err, "Access denied", 5203, 1044, 1142, 1227, 1252) }

func hasCode(err error, text string, codes ...uint16) bool {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return false
	}
	for _, code := range codes {
		if server.Number == code {
			return true
		}
	}
	return server.Number == 1064 && strings.Contains(server.Message, text)
}

// sqlProblem is what a failed statement means when nothing better is known of it:
// an answer of the server is Refused, anything else a lost connection.
func (c *Client) sqlProblem(doing string, err error) error {
	if errors.Is(err, context.Canceled) || diag.Find(err) != nil {
		return err
	}
	message := fmt.Sprintf("%s at StarRocks %s failed", doing, strings.Join(c.config.Query, ", "))
	var server *mysql.MySQLError
	switch {
	case errors.As(err, &server) && server.Number == 1045:
		return c.connectProblem(err)
	case errors.As(err, &server):
		return &diag.Problem{Code: CodeSQL, Class: diag.Refused, Message: message, Cause: err}
	case isNetwork(err):
		return &diag.Problem{Code: CodeUnreachable, Class: diag.Transient, Message: message,
			Fix: "check that StarRocks runs and can be reached.", Cause: err}
	}
	return fmt.Errorf("%s: %w", message, err)
}

func isNetwork(err error) bool {
	var network net.Error
	var dial *unreachable
	return errors.As(err, &network) || errors.As(err, &dial) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded)
}
