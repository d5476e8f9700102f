package starrocks

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Append loads a batch into an open transaction. Whoever is refused once the backend has
// begun to read has lost the transaction, and a body that breaks off leaves there what
// came of it: then the transaction must not be committed any more, whatever it answers
// later. Before that nothing has happened.
func (l *loads) Append(ctx context.Context, label checkpoint.Label, sent ferry.Batch) error {
	b, err := l.own(sent, label.Label)
	if err != nil || b.rows == 0 {
		return err
	}
	if err := l.fits(label, b); err != nil {
		return err
	}
	headers := l.headers(b)
	for name, value := range transactionHeaders(label) {
		headers[name] = value
	}
	headers["table"] = l.target.Table
	body := &upload{body: &b.body}
	a, err := l.put(ctx, "/api/transaction/load", headers, body)
	switch {
	case err != nil && body.started.Load():
		return &ferry.LostError{Cause: l.lost(label.Label, err)}
	case err != nil:
		return l.unsent(ctx, label.Label, err)
	}
	if err := l.judgeAppend(ctx, label, b, body, a); err != nil {
		return err
	}
	b.taken(body)
	return nil
}

// fits holds a batch against those that the transaction has already: StarRocks notices a
// difference of some of the headers only.
func (l *loads) fits(label checkpoint.Label, b *batch) error {
	c := l.client
	shape := fmt.Sprintf("form %d of %s", b.form, b.plan.header)
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.open[label]
	switch {
	case o == nil:
		return fmt.Errorf("%s was not begun here, or has ended", transactionName(label))
	case label.Table != l.target && (label.Table.Table != "" || label.Table.Database != l.target.Database):
		return fmt.Errorf("%s cannot take rows of table %s", transactionName(label), l.target)
	case b.form == quoted:
		return fmt.Errorf("%s cannot take enclosed values: the batch is not of NewBatchIn", transactionName(label))
	case o.shapes[l.target.Table] == "":
		o.shapes[l.target.Table] = shape
	case o.shapes[l.target.Table] != shape:
		return fmt.Errorf("%s has loads in %s and cannot take one in %s", transactionName(label), o.shapes[l.target.Table], shape)
	}
	return nil
}

// judgeAppend says what an answer means.
func (l *loads) judgeAppend(ctx context.Context, label checkpoint.Label, b *batch, body *upload, a answer) error {
	r := readReply(a.body)
	started := body.started.Load()
	switch {
	case a.code == http.StatusUnauthorized || isLoadDenied(r.Message):
		return ofTable(l.client.deniedLoad(l.target, a))
	case r.unparseable && started:
		return &ferry.LostError{Cause: l.lost(label.Label, endpointProblem(a))}
	case r.unparseable:
		return endpointProblem(a)
	case r.Status == "TXN_IN_PROCESSING":
		return l.waits(label, r)
	case r.Status == "OK" && !started:
		// So the frontend says that a database's transaction has ended.
		return gone(label, r.Message)
	case r.Status == "OK" && r.LoadBytes != nil && *r.LoadBytes < int64(body.body.size):
		return gone(label, fmt.Sprintf("of a load of %d bytes it took %d", body.body.size, *r.LoadBytes))
	case r.Status == "OK":
		l.client.count(label, b, r.LoadBytes != nil)
		return nil
	}
	if !started && r.Status == "FAILED" && label.Table.Table != "" && classOf(r.Message) == diag.Transient {
		// The frontend said so, perhaps only because it found no backend just now.
		state, _, err := l.client.labelState(ctx, label.Table.Database, label.Label)
		if err != nil || state == statePrepare {
			return l.waits(label, r)
		}
	}
	errorRows := l.client.errorRows(ctx, r.ErrorURL)
	if errorRows == "" && holdsGone(r.Message) {
		return gone(label, r.Message)
	}
	return ended(l.failure(b, r.Message, errorRows))
}

// waits is the error of a load that the transaction cannot take now.
func (l *loads) waits(label checkpoint.Label, r loadReply) error {
	return l.unsent(context.Background(), label.Label, errors.New(r.Message))
}

// count notes a load that StarRocks took; sure tells that it counted the bytes.
func (c *Client) count(label checkpoint.Label, b *batch, sure bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open[label]; o != nil {
		o.rows += int64(b.rows)
		o.unsure = o.unsure || !sure
	}
}
