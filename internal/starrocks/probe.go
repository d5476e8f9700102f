package starrocks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// insertDenied asks a frontend where a load would go, without sending one: it checks
// the INSERT privilege before it answers. denied is its refusal; err says that loads
// cannot work at all, for the frontend or the backend it names cannot be reached.
func (c *Client) insertDenied(ctx context.Context, table change.Name) (denied, err error) {
	headers := map[string]string{"Expect": "100-continue", "format": "csv"}
	var failed []error
	for _, i := range c.frontends() {
		a, err := c.request(ctx, http.MethodPut, "http://"+c.config.Load[i]+loadPath(table), headers, nil, askPatience)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			failed = append(failed, fmt.Errorf("%s: %w", c.config.Load[i], err))
			continue
		}
		c.frontend.Store(int32(i))
		return c.judgeProbe(ctx, table, a)
	}
	return nil, c.unreachableProblem(diag.Unusable, errors.Join(failed...))
}

func (c *Client) judgeProbe(ctx context.Context, table change.Name, a answer) (denied, err error) {
	if a.isRedirect() {
		return nil, c.dialRedirect(ctx, a)
	}
	message := replyMessage(a.body)
	switch {
	case isLoadDenied(message):
		return errors.New(message), nil
	case a.code == http.StatusUnauthorized:
		return nil, c.deniedLoad(table, a)
	case readReply(a.body).unparseable:
		return nil, endpointProblem(a)
	case strings.Contains(strings.ToLower(message), "no rows were imported"):
		// A backend that was named directly has taken the empty load for what it is.
		return nil, nil
	}
	return nil, &diag.Problem{Code: CodeLoadEndpoint, Class: classOf(message), Message: fmt.Sprintf("StarRocks %s takes no loads of table %s: %s", a.address, readableTable(table), message),
		Fix: "see to the state of the StarRocks cluster: SHOW BACKENDS;"}
}

// dialRedirect makes sure, before any row is under way, that the backend can be
// reached from here.
func (c *Client) dialRedirect(ctx context.Context, a answer) error {
	address, err := c.follow(a)
	if err != nil {
		return err
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	if c.asked.reaches(parsed.Host) {
		return nil
	}
	dialer := net.Dialer{Timeout: c.config.ConnectTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", parsed.Host)
	if err != nil {
		return c.redirectProblem(diag.Unusable, a.address, address, err)
	}
	c.asked.reached(parsed.Host)
	return connection.Close()
}

// replyMessage reads the message of either envelope.
func replyMessage(body []byte) string {
	var r struct{ Message, Msg string }
	if err := json.Unmarshal(body, &r); err != nil {
		return excerpt(body)
	}
	if r.Message == "" {
		return r.Msg
	}
	return r.Message
}

// isLoadDenied tells the refusal of a privilege from that of a password.
func isLoadDenied(message string) bool {
	return strings.Contains(message, "Access denied; you need") || strings.Contains(message, "privilege")
}

func (c *Client) deniedLoad(table change.Name, a answer) *diag.Problem {
	message := replyMessage(a.body)
	if isLoadDenied(message) {
		return diag.Find(c.privilegeProblem(table, []string{"INSERT"}, errors.New(message)))
	}
	return &diag.Problem{
		Code: CodeLogin, Class: diag.Unusable,
		Message: fmt.Sprintf("StarRocks %s does not let user '%s' load: wrong user or password: %s", a.address, c.config.User, message),
		Fix:     "check 'username' and 'password'.",
	}
}

func endpointProblem(a answer) *diag.Problem {
	class := diag.Refused
	if a.code >= 500 {
		class = diag.Transient
	}
	return &diag.Problem{
		Code: CodeLoadEndpoint, Class: class,
		Message: fmt.Sprintf("%s does not answer as a StarRocks frontend does: HTTP %d: %s", a.address, a.code, excerpt(a.body)),
		Fix:     "check that 'load-url' names the HTTP port of a frontend, usually 8030 or 18030, and not its query port.",
	}
}
