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
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
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
	return c.exchange(ctx, exchange{method: method, path: path, headers: headers, patience: askPatience})
}

// exchange is a request without a body.
type exchange struct {
	method, path string
	headers      map[string]string
	patience     time.Duration
	// once: when it may have arrived no other frontend is asked.
	once bool
}

func (c *Client) exchange(ctx context.Context, q exchange) (answer, error) {
	var failed []error
frontends:
	for _, i := range c.frontends() {
		address := "http://" + c.config.Load[i] + q.path
		for range 4 {
			a, err := c.request(ctx, q.method, address, q.headers, nil, q.patience)
			if ctx.Err() != nil {
				return answer{}, ctx.Err()
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", c.config.Load[i], err))
				if q.once && !isDial(err) {
					break frontends
				}
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

// isDial tells that there was no connection to send anything on.
func isDial(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
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

// settle asks and acts until the label has ended. The transaction of a database has no
// state before its commit: it is rolled back first, and what the leader says then stands,
// for no commit comes through any more. Unless it says that one is under way.
func (c *Client) settle(ctx context.Context, table change.Name, name string) error {
	label := checkpoint.Label{Table: table, Label: name}
	defer c.forget(label)
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		committing := false
		if table.Table == "" {
			r, err := c.rollback(ctx, label)
			if err != nil {
				return err
			}
			committing = r.Status != "OK" && strings.Contains(r.Message, "committing")
		}
		state, _, err := c.labelState(ctx, table.Database, name)
		if err != nil {
			return err
		}
		switch state {
		case stateUnknown:
			if !committing {
				return nil
			}
		case stateAborted, stateVisible:
			return nil
		case statePrepare, statePrepared:
			// Whatever is answered, the state of the label is what counts.
			if err := c.abort(ctx, label, state); err != nil {
				return err
			}
		case stateCommitted:
		default:
			return strangeState(label, state)
		}
		if err := c.wait(ctx, wait); err != nil {
			return err
		}
	}
}

// abort ends what is in PREPARE or PREPARED. A load that is no transaction, and one whose
// backend has forgotten it, can only be cancelled, and what is prepared cannot be.
func (c *Client) abort(ctx context.Context, label checkpoint.Label, state string) error {
	single := label
	if single.Table.Table == "" {
		single.Table.Table = ledgerTable // its commit is under way: it is like any other now
	}
	r, err := c.rollback(ctx, single)
	if err != nil || r.Status == "OK" || state != statePrepare {
		return err
	}
	path := fmt.Sprintf("/api/%s/%s/_cancel?label=%s", url.PathEscape(single.Table.Database), url.PathEscape(single.Table.Table), url.QueryEscape(label.Label))
	_, err = c.ask(ctx, http.MethodPost, path, nil)
	return err
}

// rollback asks for the end of a transaction. The error says that nobody answered it.
func (c *Client) rollback(ctx context.Context, label checkpoint.Label) (r loadReply, err error) {
	a, err := c.operate(ctx, "rollback", transactionHeaders(label), askPatience)
	if err != nil {
		return r, err
	}
	if r = readReply(a.body); r.unparseable {
		p := *endpointProblem(a)
		p.Class = diag.Transient
		return r, &p
	}
	return r, nil
}

func strangeState(label checkpoint.Label, state string) error {
	return &diag.Problem{Code: CodeSettle, Message: fmt.Sprintf("StarRocks says that %s is %s, which is not known here", transactionName(label), state),
		Fix: "end the load by hand: SHOW PROC '/transactions/" + label.Table.Database + "/running'; then start again."}
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
