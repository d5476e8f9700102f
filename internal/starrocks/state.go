package starrocks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// The states of a label.
const (
	stateUnknown   = "UNKNOWN"
	statePrepare   = "PREPARE"
	statePrepared  = "PREPARED"
	stateCommitted = "COMMITTED"
	stateVisible   = "VISIBLE"
	stateAborted   = "ABORTED"
)

const askPatience = 30 * time.Second // of one question about a label

// labelState asks what became of a label.
func (c *Client) labelState(ctx context.Context, database, label string) (state, reason string, err error) {
	path := "/api/" + url.PathEscape(database) + "/get_load_state?label=" + url.QueryEscape(label)
	a, err := c.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", "", err
	}
	var reply struct{ State, Reason, Status, Msg, Message string }
	if err := json.Unmarshal(a.body, &reply); err != nil || reply.State == "" {
		return "", "", &diag.Problem{
			Code: CodeLoadOpen, Class: diag.Transient,
			Message: fmt.Sprintf("StarRocks %s does not say what became of load %s: HTTP %d: %s", a.address, label, a.code, excerpt(a.body)),
		}
	}
	return reply.State, reply.Reason, nil
}

// ask sends a small request to the first frontend that answers and follows it to
// the leader. The error is Transient.
func (c *Client) ask(ctx context.Context, method, path string, headers map[string]string) (answer, error) {
	var failed []error
	for _, i := range c.frontends() {
		address := "http://" + c.config.Load[i] + path
		for range 4 {
			a, err := c.request(ctx, method, address, headers, nil, askPatience)
			if ctx.Err() != nil {
				return answer{}, ctx.Err()
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", c.config.Load[i], err))
				break
			}
			if !a.isRedirect() {
				c.frontend.Store(int32(i))
				return a, nil
			}
			if address, err = c.follow(a); err != nil {
				failed = append(failed, err)
				break
			}
		}
	}
	return answer{}, c.unreachableProblem(diag.Transient, errors.Join(failed...))
}

// Settle ends loads that an earlier process left open: what has begun is cancelled,
// what is committed is waited for.
func (c *Client) Settle(ctx context.Context, table change.Name, labels []string) error {
	for _, label := range labels {
		if err := c.settle(ctx, table, label); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) settle(ctx context.Context, table change.Name, label string) error {
	wait := firstPoll
	for {
		state, _, err := c.labelState(ctx, table.Database, label)
		if err != nil {
			return err
		}
		switch state {
		case stateUnknown, stateAborted, stateVisible:
			return nil
		case statePrepare:
			path := fmt.Sprintf("/api/%s/%s/_cancel?label=%s", url.PathEscape(table.Database), url.PathEscape(table.Table), url.QueryEscape(label))
			// Whatever it answers, the state of the label is what counts.
			if _, err := c.ask(ctx, http.MethodPost, path, nil); err != nil {
				return err
			}
		case statePrepared:
			if _, err := c.ask(ctx, http.MethodPost, "/api/transaction/rollback", map[string]string{"label": label, "db": table.Database}); err != nil {
				return err
			}
		case stateCommitted:
		default:
			return &diag.Problem{Code: CodeSettle, Message: fmt.Sprintf("StarRocks says that load %s of table %s is %s, which is not known here", label, readableTable(table), state),
				Fix: "end the load by hand: SHOW PROC '/transactions/" + table.Database + "/running'; then start again."}
		}
		if err := c.wait(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, lastPoll)
	}
}

const (
	firstPoll = 10 * time.Millisecond
	lastPoll  = time.Second
)

// excerpt shortens an answer for a message.
func excerpt(text []byte) string {
	const most = 300
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}
