package starrocks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// What became of a transaction is never concluded from the answer to its commit, and
// from that to its prepare only when it says how many rows were taken: everything else
// is what the leader says of the label. Three things make an answer worth nothing:
//
//   - a transaction that was prepared is unknown to the backend, which then says
//     TXN_NOT_EXISTS of what is safe at the frontend;
//   - the commit of a database's transaction answers OK whatever came of it, and after
//     10 s also when it is not visible yet;
//   - until that commit the leader says UNKNOWN of it, and does so again when it failed.
//
// Rejected: to begin again under a label whose begin went wrong. The frontend would then
// send the loads to another backend than the one that has the transaction.

// transactions are the transactions of a client (ferry.Transactions).
type transactions struct{ client *Client }

// Transactions are what holds loads back until they are committed.
func (c *Client) Transactions() ferry.Transactions { return transactions{c} }

// opened is what this process knows of a transaction that it has begun.
type opened struct {
	rows int64 // of the loads that StarRocks took
	// unsure tells that StarRocks did not say how many bytes of some load it took.
	unsure bool
	shapes map[string]string // by table: the layout and form of its loads
}

// opened finds a transaction that this process has begun.
func (c *Client) opened(label checkpoint.Label) (opened, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open[label]; o != nil {
		return *o, nil
	}
	return opened{}, fmt.Errorf("%s was not begun here, or has ended", transactionName(label))
}

func (c *Client) forget(label checkpoint.Label) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, label)
}

func transactionName(label checkpoint.Label) string {
	if label.Table.Table == "" {
		return fmt.Sprintf("transaction %s of database %s", label.Label, readableName(label.Table.Database))
	}
	return fmt.Sprintf("transaction %s of table %s", label.Label, readableTable(label.Table))
}

// transactionHeaders name a transaction.
func transactionHeaders(label checkpoint.Label) map[string]string {
	h := map[string]string{"label": label.Label, "db": label.Table.Database}
	if label.Table.Table == "" {
		h["transaction_type"] = "multi"
	} else {
		h["table"] = label.Table.Table
	}
	return h
}

// operate asks for an operation of the transaction interface.
func (c *Client) operate(ctx context.Context, operation string, headers map[string]string, patience time.Duration) (answer, error) {
	return c.exchange(ctx, exchange{
		method: http.MethodPost, path: "/api/transaction/" + operation, headers: headers, patience: patience, once: operation == "begin",
	})
}

// Begin opens a transaction.
func (t transactions) Begin(ctx context.Context, label checkpoint.Label) error {
	c := t.client
	if !labelForm.MatchString(label.Label) {
		return labelProblem(label.Label)
	}
	options := c.transactionOptions(label)
	headers := transactionHeaders(label)
	headers["timeout"] = seconds(options.timeout)
	if w := options.headers["warehouse"]; w != "" {
		headers["warehouse"] = w
	}
	a, err := c.operate(ctx, "begin", headers, askPatience)
	if err != nil {
		return err
	}
	r := readReply(a.body)
	switch {
	case a.code == http.StatusUnauthorized || isLoadDenied(r.Message):
		return ofTable(c.deniedLoad(label.Table, a))
	case r.unparseable:
		return endpointProblem(a)
	case r.Status == "OK":
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open[label] = &opened{shapes: map[string]string{}}
		return nil
	case r.Status == "LABEL_ALREADY_EXISTS":
		p := labelProblem(label.Label)
		p.Class, p.Message = diag.Transient, fmt.Sprintf("StarRocks knows the label of %s already", transactionName(label))
		return p
	}
	err = failure(transactionName(label), label.Table.Database, r.Message, "")
	if aborted, ok := errors.AsType[*ferry.AbortedError](err); ok {
		return aborted.Cause
	}
	return err
}

// transactionOptions are those of the table's loads; of a database the longest timeout of
// its tables counts.
func (c *Client) transactionOptions(label checkpoint.Label) compiled {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Configure has let only options through that compile.
	longest, _ := c.options[label.Table].compile()
	if label.Table.Table != "" {
		return longest
	}
	for table, o := range c.options {
		if one, _ := o.compile(); table.Database == label.Table.Database && one.timeout > longest.timeout {
			longest = one
		}
	}
	return longest
}

// endedBy is the error of a transaction that ended for a reason that StarRocks gives.
func endedBy(label checkpoint.Label, reason, errorRows string) error {
	if errorRows == "" && classOf(reason) == diag.Transient {
		return gone(label, reason)
	}
	return ended(failure(transactionName(label), label.Table.Database, reason, errorRows))
}

// ended is the error of a transaction, made of that of something in it that failed: with
// it the whole transaction is gone.
func ended(err error) error {
	aborted, ok := errors.AsType[*ferry.AbortedError](err)
	if !ok {
		return err // RefusedError
	}
	if table, ok := errors.AsType[*ferry.TableError](aborted.Cause); ok {
		return table
	}
	return &ferry.LostError{Cause: aborted.Cause, Busy: aborted.Busy}
}

// gone is the error of a transaction that ended without anybody here having ended it.
func gone(label checkpoint.Label, why string) error {
	return &ferry.LostError{Cause: goneProblem(label, why), Busy: holdsAny(strings.ToLower(why), busyTexts)}
}

func goneProblem(label checkpoint.Label, why string) *diag.Problem {
	fix := "see to the state of the StarRocks cluster: SHOW BACKENDS;"
	if strings.Contains(strings.ToLower(why), "timeout") {
		fix = "raise 'sink.properties.timeout' above the time from one checkpoint to the next, or take checkpoints more often: 'execution.checkpointing.interval'."
	}
	if holdsAny(strings.ToLower(why), busyTexts) {
		fix = "take checkpoints less often: raise 'execution.checkpointing.interval'."
	}
	return &diag.Problem{
		Code: CodeTransactionGone, Class: diag.Transient,
		Message: fmt.Sprintf("StarRocks has given up %s, and what was loaded into it: %s", transactionName(label), why),
		Fix:     fix,
	}
}

// State asks what has become of a transaction.
func (t transactions) State(ctx context.Context, label checkpoint.Label) (ferry.TransactionState, error) {
	text, _, err := t.client.labelState(ctx, label.Table.Database, label.Label)
	if err != nil {
		return 0, err
	}
	state, ok := map[string]ferry.TransactionState{
		stateUnknown: ferry.TransactionUnknown, statePrepare: ferry.TransactionOpen, statePrepared: ferry.TransactionPrepared,
		stateCommitted: ferry.TransactionCommitted, stateVisible: ferry.TransactionVisible, stateAborted: ferry.TransactionAborted,
	}[text]
	if !ok {
		return 0, strangeState(label, text)
	}
	return state, nil
}
