package starrocks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// A load's request goes to a frontend, which never takes the bytes: with Expect:
// 100-continue it answers 307 and the body stays here. The second request is made
// by hand, since Go drops Authorization when the host changes, and since the host
// may have to be mapped to one that is reachable from here.

// continueTimeout is how long a server may take to ask for the body.
const continueTimeout = 60 * time.Second

const maxReply = 1 << 20 // bytes of an answer that are read

func newHTTPClient(config Config) *http.Client {
	dialer := &net.Dialer{Timeout: config.ConnectTimeout, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := dialer.DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return sender{connection}, nil
			},
			ExpectContinueTimeout: continueTimeout,
			MaxIdleConnsPerHost:   128, // loads of many tables come together
			IdleConnTimeout:       30 * time.Second,
			DisableCompression:    true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what a server replied.
type answer struct {
	code     int
	body     []byte
	location string // of a redirect
	address  string // host:port that answered
}

func (a answer) isRedirect() bool { return a.code >= 300 && a.code < 400 && a.location != "" }

// request does one HTTP exchange with the credentials; body may be nil. While none
// of the body was asked for, the exchange may take patience at most.
func (c *Client) request(ctx context.Context, method, address string, headers map[string]string, body *upload, patience time.Duration) (answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(patience, func() {
		if body == nil || !body.started.Load() {
			cancel(fmt.Errorf("no answer within %s", patience))
		}
	})
	defer timer.Stop()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Body, req.ContentLength = body.open(), int64(body.body.size)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	req.SetBasicAuth(c.config.User, c.config.Password.Reveal())
	resp, err := c.http.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(resp.Body, maxReply)); err == nil {
			return answer{code: resp.StatusCode, body: text, location: resp.Header.Get("Location"), address: req.URL.Host}, nil
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return answer{}, withoutURL(err)
}

// withoutURL takes the method and address out of an error of net/http: the message
// around it names them in its own words.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) && errors.Is(wrapped, err) {
		return wrapped.Err
	}
	return err
}

// frontends gives the HTTP addresses, beginning with the one that answered last.
func (c *Client) frontends() []int {
	first := int(c.frontend.Load())
	order := make([]int, len(c.config.Load))
	for i := range order {
		order[i] = (first + i) % len(order)
	}
	return order
}

// follow gives the address a redirect leads to, with the host mapped.
func (c *Client) follow(a answer) (string, error) {
	target, err := url.Parse(a.location)
	if err != nil || target.Host == "" {
		return "", &diag.Problem{Code: CodeLoadEndpoint, Message: fmt.Sprintf("%s redirects to %q, which is no address", a.address, a.location),
			Fix: "check that 'load-url' names the HTTP port of a StarRocks frontend, usually 8030."}
	}
	target.User = nil
	target.Host = mapHost(c.config.RedirectHosts, target.Host)
	return target.String(), nil
}

// mapHost looks a host:port up, as a whole first, then by its host.
func mapHost(hosts map[string]string, hostPort string) string {
	if to, ok := hosts[hostPort]; ok {
		return keepPort(to, hostPort)
	}
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	if to, ok := hosts[host]; ok {
		return keepPort(to, hostPort)
	}
	return hostPort
}

// keepPort gives to the port of from when it has none of its own.
func keepPort(to, from string) string {
	if _, _, err := net.SplitHostPort(to); err == nil {
		return to
	}
	_, port, err := net.SplitHostPort(from)
	if err != nil {
		return to
	}
	return net.JoinHostPort(strings.Trim(to, "[]"), port)
}

func loadPath(table change.Name) string {
	return "/api/" + url.PathEscape(table.Database) + "/" + url.PathEscape(table.Table) + "/_stream_load"
}

func seconds(d time.Duration) string { return strconv.Itoa(int(max(d, time.Second) / time.Second)) }

// unreachableProblem says that no frontend answers over HTTP.
func (c *Client) unreachableProblem(class diag.Class, cause error) error {
	return &diag.Problem{
		Code: CodeUnreachable, Class: class,
		Message: fmt.Sprintf("StarRocks cannot be reached for loads at %s", strings.Join(c.config.Load, ", ")),
		Fix:     "check host and port in 'load-url' (the frontends' HTTP port, usually 8030 or 18030), and the network between here and there.",
		Cause:   cause,
	}
}

// redirectProblem says that the backend a load is redirected to does not answer.
func (c *Client) redirectProblem(class diag.Class, from, to string, cause error) error {
	host := to
	if parsed, err := url.Parse(to); err == nil && parsed.Host != "" {
		host = parsed.Host
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return &diag.Problem{
		Code: CodeRedirect, Class: class,
		Message: fmt.Sprintf("StarRocks %s sends loads on to %s, which cannot be reached from here", from, host),
		Fix:     fmt.Sprintf("open the way to it, or map the address to one that can be reached: 'sink.redirect-hosts' = '%s=REACHABLE_HOST'.", name),
		Cause:   cause,
	}
}
