package starrocks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Prepared is a target table that is ready for loads.
type Prepared struct {
	Mapping Mapping
	// Created tells that the table was missing; Statement is then the DDL that ran.
	Created   bool
	Statement string
	// Rows is how many rows an existing table held.
	Rows int64
	// Notes are for people.
	Notes []string
}

// Prepare is the creation check: a missing table is created, an existing one is
// compared with what would be created, and the privileges that loads need are asked
// for. The error is one Problem, or several joined.
//
// Nothing it does stands in the way of the next try: the table it may create is
// what the next try finds.
func (c *Client) Prepare(ctx context.Context, spec TableSpec) (Prepared, error) {
	m, err := Map(spec, c.version)
	if err != nil {
		return Prepared{}, err
	}
	p := Prepared{Mapping: m, Notes: append([]string(nil), m.Notes...)}
	_, err = c.describe(ctx, spec.Target)
	switch {
	case err == nil, isDenied(err):
		// Without any privilege even the columns are denied; what is missing is said below.
	case isUnknownTable(err):
		if err := c.create(ctx, &p); err != nil {
			return Prepared{}, err
		}
	default:
		return Prepared{}, c.tableProblem("describing "+spec.Target.String(), spec.Target, err)
	}
	return p, c.examine(ctx, &p)
}

// Inspect is Prepare without creating anything: exists is false for a table that Prepare
// would create.
func (c *Client) Inspect(ctx context.Context, spec TableSpec) (p Prepared, exists bool, err error) {
	m, err := Map(spec, c.version)
	if err != nil {
		return Prepared{}, false, err
	}
	p = Prepared{Mapping: m, Notes: append([]string(nil), m.Notes...)}
	switch _, err = c.describe(ctx, spec.Target); {
	case isUnknownTable(err):
		return p, false, nil
	case err != nil && !isDenied(err):
		return p, false, c.tableProblem("describing "+spec.Target.String(), spec.Target, err)
	}
	return p, true, c.examine(ctx, &p)
}

// examine looks at a table that exists.
func (c *Client) examine(ctx context.Context, p *Prepared) error {
	table := p.Mapping.Target
	if err := c.checkPrivileges(ctx, table); err != nil {
		return err
	}
	if !p.Created {
		count := c.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quoteTable(table))
		if err := count.Scan(&p.Rows); err != nil {
			return c.tableProblem("counting the rows of "+table.String(), table, err)
		}
	}
	return c.compare(ctx, p)
}

// create runs the DDL. When there are fewer backends than replicas asked for, the
// refusal names their number: it is taken and said, unless the user fixed his own.
func (c *Client) create(ctx context.Context, p *Prepared) error {
	table, own := p.Mapping.Target, p.Mapping.suffix.replication
	replicas := 0
	if own == "" {
		replicas = c.asked.fewReplicas()
	}
	p.Statement = p.Mapping.CreateStatement(replicas)
	_, err := c.db.ExecContext(ctx, p.Statement)
	if backends, ok := availableBackends(err); ok {
		if own != "" {
			return &diag.Problem{
				Code:    CodeReplication,
				Message: fmt.Sprintf("table %s: replication_num is %s, but StarRocks has only %d backends", readableTable(table), own, backends),
				Fix:     fmt.Sprintf("set replication_num to %d in 'starrocks.create.table.properties', or leave it out.", backends),
				Cause:   err,
			}
		}
		replicas = backends
		c.asked.fewerReplicas(backends)
		p.Statement = p.Mapping.CreateStatement(backends)
		_, err = c.db.ExecContext(ctx, p.Statement)
	}
	if replicas > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("StarRocks has fewer backends than its default number of replicas: table %s is created with replication_num = %d", readableTable(table), replicas))
	}
	var server *mysql.MySQLError
	switch {
	case err == nil:
		p.Created = true
		return nil
	case isDenied(err):
		return c.createPrivilegeProblem(table, err)
	case isUnknownDatabase(err):
		return c.tableProblem("creating "+table.String(), table, err)
	case errors.As(err, &server) && server.Number != 1045:
		return &diag.Problem{
			Code:    CodeCreate,
			Message: fmt.Sprintf("StarRocks refuses to create table %s", readableTable(table)),
			Fix:     "correct 'starrocks.create.table.properties' or the source table. The statement was:\n" + p.Statement,
			Cause:   err,
		}
	}
	return c.sqlProblem("creating "+table.String(), err)
}

var backendNumber = regexp.MustCompile(`(?i)(?:alive|available|live)[^0-9\[]*(?:BE|backend|node|CN)[^0-9]*?\[?(\d+)`)

// availableBackends reads the refusal of too many replicas: how many backends there
// are, 1 when the refusal does not say.
func availableBackends(err error) (int, bool) {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return 0, false
	}
	text := strings.ToLower(server.Message)
	tooMany := strings.Contains(text, "replication num should be less than") ||
		strings.Contains(text, "replication") && strings.Contains(text, "backend") ||
		strings.Contains(text, "replication_num") && strings.Contains(text, "be node")
	if !tooMany {
		return 0, false
	}
	if m := backendNumber.FindStringSubmatch(server.Message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 && n < 100 {
			return n, true
		}
	}
	return 1, true
}

// compare holds the table as it is against what would be created and lists every
// difference.
func (c *Client) compare(ctx context.Context, p *Prepared) error {
	table := p.Mapping.Target
	columns, err := c.describe(ctx, table)
	if err != nil {
		return c.tableProblem("describing "+table.String(), table, err)
	}
	key, err := c.existingKey(ctx, table)
	if err != nil {
		return err
	}
	differences, missing, notes := p.Mapping.differences(columns, key)
	p.Notes = append(p.Notes, notes...)
	// An empty table may lack what was added at the source since an earlier try created
	// it, and nothing else: the first row brings it.
	young := (p.Rows == 0 || p.Mapping.merged) && len(differences) == 0 && !slices.ContainsFunc(missing, func(c *MappedColumn) bool { return !c.Nullable })
	for _, column := range missing {
		if young {
			p.Notes = append(p.Notes, fmt.Sprintf("column `%s` is missing: it is appended with the first row", column.Name))
			continue
		}
		differences = append(differences, fmt.Sprintf("column `%s` is missing, it would be %s", column.Name, column.shape()))
	}
	if len(differences) == 0 {
		return nil
	}
	return &diag.Problem{
		Code:    CodeDifferent,
		Message: fmt.Sprintf("the existing StarRocks table %s differs from what would be created for it:\n- %s", readableTable(table), strings.Join(differences, "\n- ")),
		Fix:     fmt.Sprintf("change the table, write into another one, or let it be created and copied anew: DROP TABLE %s;", readableTable(table)),
	}
}

// existingKey reads the primary key of a table, nil when it is of another kind.
func (c *Client) existingKey(ctx context.Context, table change.Name) ([]string, error) {
	rows, err := c.queryTexts(ctx, "SHOW CREATE TABLE "+quoteTable(table))
	if err != nil {
		return nil, c.tableProblem("reading the definition of "+table.String(), table, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	tokens, _ := tokenize(rows[0].text("Create Table"))
	return primaryKey(tokens), nil
}
