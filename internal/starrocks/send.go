package starrocks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// What became of a load is known for certain in four ways: StarRocks said Success;
// the label is VISIBLE; the label is ABORTED, or UNKNOWN after StarRocks said Fail;
// or not a byte of the body left this process. Everything else is open, and the
// caller sends the same bytes under the same label again.
//
// Rejected: a new label after an error whose text sounds final. "Fail" is also said
// when only the answer to the commit was lost.

var labelForm = regexp.MustCompile(`^[-\w]{1,128}$`)

// Send loads a batch and returns when its rows are visible (ferry.Loads).
func (l *loads) Send(ctx context.Context, label string, sent ferry.Batch) error {
	b, err := l.own(sent, label)
	switch {
	case err != nil || b.rows == 0:
		return err
	case !labelForm.MatchString(label):
		return &ferry.AbortedError{Cause: labelProblem(label)}
	}
	body := &upload{body: &b.body}
	headers := l.headers(b)
	headers["label"] = label
	a, err := l.put(ctx, loadPath(l.target), headers, body)
	if err != nil {
		if !body.started.Load() {
			return &ferry.AbortedError{Cause: l.unsent(ctx, label, err)}
		}
		return l.resolve(ctx, label, b, whenUnknown{open: l.lost(label, err)})
	}
	if err := l.judge(ctx, label, b, body, a); err != nil {
		return err
	}
	b.taken(body)
	return nil
}

// own gives a batch that can be loaded.
func (l *loads) own(sent ferry.Batch, label string) (*batch, error) {
	b, ok := sent.(*batch)
	if !ok || b.sent {
		return nil, fmt.Errorf("load %s of table %s: the batch is not one of this target, or has been loaded already", label, l.target)
	}
	return b, nil
}

func labelProblem(label string) *diag.Problem {
	return &diag.Problem{Code: CodeLabel, Message: fmt.Sprintf("%q cannot be the label of a load", label),
		Fix: "use only letters, digits, - and _ in 'sink.label-prefix', and keep it short: a label has at most 128 characters."}
}

// unsent is the error of a load of which nothing was sent. That the time for it ran
// out, and not ctx, is StarRocks being slow.
func (l *loads) unsent(ctx context.Context, label string, err error) error {
	if ctx.Err() != nil || diag.Find(err) != nil {
		return err
	}
	return &diag.Problem{
		Code: CodeLoadFailed, Class: diag.Transient,
		Message: fmt.Sprintf("StarRocks did not take load %s of table %s in time", label, readableTable(l.target)),
		Fix:     "see to the state of the StarRocks cluster, or raise 'sink.properties.timeout'.",
		Cause:   err,
	}
}

// put sends the bytes: to the first frontend that answers, then to the backend it
// names. An error before any of the body has left is a Problem.
func (l *loads) put(ctx context.Context, path string, headers map[string]string, body *upload) (answer, error) {
	c := l.client
	ctx, cancel := context.WithTimeout(ctx, l.options.timeout+askPatience)
	defer cancel()
	headers["Expect"] = "100-continue"
	headers["Content-Type"] = "application/octet-stream"
	var failed []error
	for _, i := range c.frontends() {
		a, err := c.request(ctx, http.MethodPut, "http://"+c.config.Load[i]+path, headers, body, c.config.ConnectTimeout)
		switch {
		case err == nil && !a.isRedirect():
			c.frontend.Store(int32(i))
			return a, nil
		case err == nil:
			c.frontend.Store(int32(i))
			return l.putThere(ctx, a, headers, body)
		case body.started.Load():
			return answer{}, err
		case ctx.Err() != nil:
			return answer{}, ctx.Err()
		}
		failed = append(failed, fmt.Errorf("%s: %w", c.config.Load[i], err))
	}
	return answer{}, c.unreachableProblem(diag.Transient, errors.Join(failed...))
}

// putThere follows a redirect.
func (l *loads) putThere(ctx context.Context, a answer, headers map[string]string, body *upload) (answer, error) {
	c := l.client
	for range 4 {
		address, err := c.follow(a)
		if err != nil {
			return answer{}, err
		}
		from := a.address
		// Before it asks for the body a backend begins a transaction and has the load
		// planned by the frontend.
		a, err = c.request(ctx, http.MethodPut, address, headers, body, c.config.ConnectTimeout+continueTimeout)
		switch {
		case err != nil && (body.started.Load() || ctx.Err() != nil):
			return answer{}, err
		case err != nil:
			return answer{}, c.redirectProblem(diag.Transient, from, address, err)
		case !a.isRedirect():
			return a, nil
		}
	}
	return answer{}, &diag.Problem{Code: CodeLoadEndpoint, Message: fmt.Sprintf("StarRocks redirects loads of table %s in a circle, last from %s", readableTable(l.target), a.address),
		Fix: "check 'load-url' and 'sink.redirect-hosts'."}
}

// judge says what an answer means.
func (l *loads) judge(ctx context.Context, label string, b *batch, body *upload, a answer) error {
	if a.code == http.StatusUnauthorized {
		return &ferry.AbortedError{Cause: ofTable(l.client.deniedLoad(l.target, a))}
	}
	r := readReply(a.body)
	if r.unparseable {
		problem := endpointProblem(a)
		if !body.started.Load() {
			return &ferry.AbortedError{Cause: problem}
		}
		return l.resolve(ctx, label, b, whenUnknown{open: l.lost(label, problem)})
	}
	switch r.Status {
	case "Success", "OK":
		return checkRows(label, l.target, int64(b.rows), r)
	case "Publish Timeout":
		if err := checkRows(label, l.target, int64(b.rows), r); err != nil {
			return err
		}
		return l.resolve(ctx, label, b, whenUnknown{done: true})
	case "Label Already Exists":
		// These bytes were sent under this label before, by this process.
		if r.ExistingJobStatus == "FINISHED" {
			return l.resolve(ctx, label, b, whenUnknown{done: true})
		}
		return l.resolve(ctx, label, b, whenUnknown{open: l.lost(label, errors.New(r.Message))})
	}
	ended := l.failure(b, r.Message, l.client.errorRows(ctx, r.ErrorURL))
	if isLoadDenied(r.Message) {
		ended = &ferry.AbortedError{Cause: ofTable(l.client.deniedLoad(l.target, a))}
	}
	if !body.started.Load() {
		return ended
	}
	return l.resolve(ctx, label, b, whenUnknown{open: ended, aborted: ended})
}

// checkRows holds what StarRocks loaded against what was sent.
func checkRows(label string, table change.Name, sent int64, r loadReply) error {
	if r.NumberLoadedRows != nil && *r.NumberLoadedRows == sent && r.NumberFilteredRows == 0 && r.NumberUnselectedRows == 0 {
		return nil
	}
	loaded := "no number of"
	if r.NumberLoadedRows != nil {
		loaded = fmt.Sprint(*r.NumberLoadedRows)
	}
	return &ferry.TableError{Cause: &diag.Problem{
		Code: CodeRowsDiffer,
		Message: fmt.Sprintf("load %s sent %d rows to table %s, StarRocks says it loaded %s rows, filtered %d and left out %d",
			label, sent, readableTable(table), loaded, r.NumberFilteredRows, r.NumberUnselectedRows),
		Fix: "the table may lack rows: drop it and start again, so that it is copied anew, and report this.",
	}}
}

// lost says that the outcome of a load is open. It is Transient: the same bytes go
// under the same label again.
func (l *loads) lost(label string, cause error) error {
	return openProblem(fmt.Sprintf("load %s of table %s", label, readableTable(l.target)), cause)
}

// openProblem says that it has to be asked again what became of something.
func openProblem(what string, cause error) error {
	return &diag.Problem{
		Code: CodeLoadOpen, Class: diag.Transient,
		Message: "it is not known yet what became of " + what,
		Fix:     "see to the network and the state of the StarRocks cluster.",
		Cause:   cause,
	}
}

// whenUnknown says what it means that StarRocks does not know a label.
type whenUnknown struct {
	done bool  // the load is known to be committed
	open error // else what Send answers
	// aborted is what an ABORTED label means, when it is known already.
	aborted error
}

// resolve asks for the label until it has ended.
func (l *loads) resolve(ctx context.Context, label string, b *batch, unknown whenUnknown) error {
	deadline := time.Now().Add(l.options.timeout + askPatience)
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		state, reason, err := l.client.labelState(ctx, l.target.Database, label)
		if err != nil {
			// Also after a refusal: it was not confirmed that the load is aborted.
			return l.lost(label, err)
		}
		switch state {
		case stateVisible:
			return nil
		case stateAborted:
			if unknown.aborted != nil {
				return unknown.aborted
			}
			return l.failure(b, "the load was aborted: "+reason, "")
		case stateUnknown:
			if unknown.done {
				return nil
			}
			return unknown.open
		}
		if time.Now().After(deadline) {
			return l.lost(label, fmt.Errorf("its label is still %s", state))
		}
		if err := l.client.wait(ctx, wait); err != nil {
			return l.lost(label, err)
		}
	}
}

// errorRows fetches the first lines that say which rows were refused and why, ""
// when there are none. That they cannot be fetched is part of the text.
func (c *Client) errorRows(ctx context.Context, address string) string {
	if address == "" {
		return ""
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return "the refused rows are at " + address
	}
	parsed.Host = mapHost(c.config.RedirectHosts, parsed.Host)
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, parsed.String(), nil)
	if err != nil {
		return "the refused rows are at " + address
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "the refused rows are at " + address
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || resp.StatusCode != http.StatusOK {
		return "the refused rows are at " + address
	}
	const lines, width = 3, 400
	first := strings.SplitN(strings.TrimSpace(string(text)), "\n", lines+1)
	if len(first) > lines {
		first[lines] = "…"
	}
	for i := range first {
		first[i] = strings.ToValidUTF8(excerptText(first[i], width), "")
	}
	return strings.Join(first, "\n")
}

func excerptText(text string, most int) string {
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
