package starrocks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"starferry/internal/diag"
)

// TransactionNeeds is what exactly-once asks of a cluster.
type TransactionNeeds struct {
	// Databases: transactions of whole databases, and not of tables.
	Databases bool
	// Checkpoint is the longest time between a prepare and its commit.
	Checkpoint time.Duration
}

// TransactionLimits are a cluster's limits, 0 where it does not tell them.
type TransactionLimits struct {
	Running  int           // open and prepared transactions of a database at once
	Prepared time.Duration // how long a prepared transaction is kept
}

// CheckTransactions tells whether a cluster can do exactly-once. It is to be called after
// Configure: the timeouts of the tables count.
func (c *Client) CheckTransactions(ctx context.Context, needs TransactionNeeds) (TransactionLimits, error) {
	if err := c.checkTransactionVersion(needs); err != nil {
		return TransactionLimits{}, err
	}
	limits, err := c.transactionLimits(ctx)
	if err != nil {
		return TransactionLimits{}, err
	}
	own, from := c.shortestPrepared()
	if own > 0 && hasPreparedTimeout(c.version) {
		limits.Prepared = own
	}
	if needs.Databases || limits.Prepared == 0 || limits.Prepared > needs.Checkpoint {
		return limits, nil
	}
	fix := fmt.Sprintf("lower 'execution.checkpointing.timeout', or let StarRocks keep them longer: ADMIN SET FRONTEND CONFIG (\"%s\" = \"86400\");", preparedConfig)
	if own > 0 && hasPreparedTimeout(c.version) {
		fix = fmt.Sprintf("raise 'sink.properties.prepared_timeout' of table %s, or lower 'execution.checkpointing.timeout'.", from)
	}
	return limits, &diag.Problem{
		Code: CodePrepared,
		Message: fmt.Sprintf("StarRocks gives a prepared transaction up after %s, and a checkpoint may take %s: its rows would be lost and loaded again for ever",
			limits.Prepared, needs.Checkpoint),
		Fix: fix,
	}
}

func (c *Client) checkTransactionVersion(needs TransactionNeeds) error {
	r, known := releaseOf(c.version)
	switch {
	case !known: // built from the main line
		return nil
	case !r.since(2, 4, 0):
		return &diag.Problem{
			Code:    CodeTransactions,
			Message: fmt.Sprintf("exactly-once needs the transactions of StarRocks 2.4, and this is %s", c.version),
			Fix:     "upgrade StarRocks, or use 'sink.semantic' = 'at-least-once'.",
		}
	case needs.Databases && !r.since(4, 0, 0):
		return &diag.Problem{
			Code:    CodeTransactions,
			Message: fmt.Sprintf("transactions of whole databases need StarRocks 4.0, and this is %s", c.version),
			Fix:     "upgrade StarRocks, or leave SET 'delivery.exactly-once' = 'position-inside' out: each table then has transactions of its own.",
		}
	}
	return nil
}

const (
	runningConfig  = "max_running_txn_num_per_db"
	preparedConfig = "prepared_transaction_default_timeout_second"
)

// transactionLimits reads the limits from the configuration of the frontend; only an
// administrator may see it.
func (c *Client) transactionLimits(ctx context.Context) (TransactionLimits, error) {
	running, err := c.frontendConfig(ctx, runningConfig)
	if err != nil {
		return TransactionLimits{}, err
	}
	prepared, err := c.frontendConfig(ctx, preparedConfig)
	return TransactionLimits{Running: running, Prepared: time.Duration(prepared) * time.Second}, err
}

// frontendConfig reads a number of the configuration, 0 when it may not be seen.
func (c *Client) frontendConfig(ctx context.Context, name string) (int, error) {
	rows, err := c.queryTexts(ctx, "ADMIN SHOW FRONTEND CONFIG LIKE "+quoteText(name))
	if isNetwork(err) {
		return 0, c.sqlProblem("reading the configuration", err)
	}
	if err != nil {
		return 0, nil // denied, or an older version
	}
	for _, row := range rows {
		if n, err := strconv.Atoi(row.text("Value")); err == nil && strings.EqualFold(row.text("Key"), name) {
			return n, nil
		}
	}
	return 0, nil
}

// shortestPrepared is the shortest time that the user lets prepared transactions live, and
// the table for which he does; 0 when he leaves it to StarRocks.
func (c *Client) shortestPrepared() (shortest time.Duration, table string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, o := range c.options {
		if o.PreparedTimeout > 0 && (shortest == 0 || o.PreparedTimeout < shortest) {
			shortest, table = o.PreparedTimeout, readableTable(name)
		}
	}
	return shortest, table
}
