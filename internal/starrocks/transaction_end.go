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

// Prepare ends the loads of a table's transaction, and counts its rows.
func (t transactions) Prepare(ctx context.Context, label checkpoint.Label) error {
	c := t.client
	o, err := c.opened(label)
	if err != nil {
		return err
	}
	options := c.transactionOptions(label)
	headers := transactionHeaders(label)
	if options.prepared > 0 && hasPreparedTimeout(c.version) {
		headers["prepared_timeout"] = seconds(options.prepared)
	}
	a, err := c.operate(ctx, "prepare", headers, options.timeout+askPatience)
	if err != nil {
		// Whether it arrived or not: a second try tells, and does no harm.
		return t.afterPrepare(ctx, label, o, prepareAnswer{open: openProblem(transactionName(label), err)})
	}
	r := readReply(a.body)
	switch {
	case a.code == http.StatusUnauthorized:
		return ofTable(c.deniedLoad(label.Table, a))
	case r.unparseable:
		return t.afterPrepare(ctx, label, o, prepareAnswer{open: openProblem(transactionName(label), endpointProblem(a))})
	case r.Status == "OK":
		if err := checkRows(label.Label, label.Table, o.rows, r); err != nil {
			return errors.Join(err, c.settle(ctx, label.Table, label.Label))
		}
		return nil
	case r.Status == "TXN_IN_PROCESSING":
		return openProblem(transactionName(label), errors.New(r.Message))
	}
	answered := prepareAnswer{ended: endedBy(label, r.Message, c.errorRows(ctx, r.ErrorURL))}
	if r.Status == "FAILED" && diag.IsTransient(answered.ended) {
		// The frontend says so, before any backend has touched the transaction.
		answered.open = openProblem(transactionName(label), errors.New(r.Message))
	}
	return t.afterPrepare(ctx, label, o, answered)
}

// prepareAnswer is what an answer other than OK makes of a prepare.
type prepareAnswer struct {
	ended error // when the transaction turns out to be gone; nil when the answer says nothing of that
	open  error // when it turns out to be still open: prepare may be asked for again. nil: it is of no use any more
}

// afterPrepare asks what came of a prepare.
func (t transactions) afterPrepare(ctx context.Context, label checkpoint.Label, o opened, answered prepareAnswer) error {
	state, reason, err := t.client.labelState(ctx, label.Table.Database, label.Label)
	if err != nil {
		return openProblem(transactionName(label), err)
	}
	switch {
	case state == statePrepared || state == stateCommitted || state == stateVisible:
		// No number of rows came with it. Every load of it said that it took all bytes,
		// and had a row been refused it could not be prepared.
		if !o.unsure {
			return nil
		}
		if err := t.client.settle(ctx, label.Table, label.Label); err != nil {
			return err
		}
		return gone(label, "the answer that tells the number of its rows was lost")
	case state == statePrepare && answered.open != nil:
		return answered.open
	case answered.ended != nil:
		return answered.ended
	case state == stateAborted:
		return endedBy(label, reason, "")
	}
	return gone(label, "its label is "+state)
}

// commitPatience is how long Commit waits for a transaction to become visible before it
// says so.
const commitPatience = time.Minute

// multiPatience is how long the commit of a database's transaction may take to answer: it
// prepares table by table, and StarRocks gives up 300 s after begin.
const multiPatience = 5 * time.Minute

// Commit makes a transaction visible.
func (t transactions) Commit(ctx context.Context, label checkpoint.Label) error {
	c := t.client
	m := &committing{transactions: t, label: label, name: transactionName(label), multi: label.Table.Table == "", again: true}
	wait, waited := firstPoll, time.Duration(0)
	for {
		done, err := m.step(ctx)
		if done {
			c.forget(label)
			return nil
		}
		if _, lost := errors.AsType[*ferry.LostError](err); lost || err != nil && !diag.IsTransient(err) {
			return err
		}
		if err != nil && waited >= commitPatience {
			return err
		}
		if err := c.wait(ctx, wait); err != nil {
			return openProblem(m.name, err)
		}
		waited += wait
		wait = min(2*wait, lastPoll)
	}
}

// committing is a commit under way.
type committing struct {
	transactions
	label checkpoint.Label
	name  string
	multi bool
	// again tells that the commit is to be asked for: it was not yet, or nothing came of it.
	again bool
	// committed tells that the leader said so; answered that it answered a commit at all.
	committed, answered bool
	refused             error // the answer of a commit that came to nothing
	why                 error // why nothing is known yet, for people
}

// step asks for the commit, if need be, and then what became of it. A Transient error
// says why it is not done yet.
func (m *committing) step(ctx context.Context) (done bool, err error) {
	if m.again {
		if err := m.ask(ctx); err != nil {
			return false, err
		}
	}
	state, reason, err := m.client.labelState(ctx, m.label.Table.Database, m.label.Label)
	if err != nil {
		return false, openProblem(m.name, err)
	}
	switch state {
	case stateVisible:
		return true, nil
	case stateCommitted:
		m.committed, m.again = true, false
	case statePrepared:
		m.again = true
	case statePrepare:
		if !m.multi {
			return false, gone(m.label, "it was never prepared")
		}
		m.again = false
	case stateAborted:
		return false, endedBy(m.label, reason, "")
	case stateUnknown:
		switch {
		case m.committed:
			// It has been visible for so long that its label is forgotten.
			return true, nil
		case m.multi && !m.answered:
			// Nobody knows of it before its commit: it may not have arrived.
			m.again = true
		case m.refused != nil:
			return false, m.refused
		default:
			return false, gone(m.label, "StarRocks does not know its label")
		}
	default:
		return false, strangeState(m.label, state)
	}
	return false, openProblem(m.name, errors.Join(fmt.Errorf("its label is still %s", state), m.why))
}

// ask asks for the commit. What it answers counts only when the label says nothing.
func (m *committing) ask(ctx context.Context) error {
	patience := askPatience
	if m.multi {
		patience = multiPatience
	}
	a, err := m.client.operate(ctx, "commit", transactionHeaders(m.label), patience)
	if err != nil {
		m.why = err
		return nil
	}
	if a.code == http.StatusUnauthorized {
		return m.client.deniedLoad(m.label.Table, a)
	}
	r := readReply(a.body)
	m.answered, m.refused, m.why = !r.unparseable, nil, nil
	switch {
	case r.unparseable:
		m.why = endpointProblem(a)
	case r.Status != "OK":
		m.why, m.refused = errors.New(r.Message), m.refusal(ctx, r)
	}
	return nil
}

// refusal is what the answer of a commit that failed makes of the transaction: only its
// rows are a reason that stays.
func (m *committing) refusal(ctx context.Context, r loadReply) error {
	if !holdsAny(strings.ToLower(r.Message), rowTexts) {
		return gone(m.label, r.Message)
	}
	if _, tracking, ok := strings.Cut(r.Message, "tracking_url: "); ok && r.ErrorURL == "" {
		r.ErrorURL = strings.TrimSpace(tracking)
	}
	return ended(failure(m.name, m.label.Table.Database, r.Message, m.client.errorRows(ctx, r.ErrorURL)))
}
