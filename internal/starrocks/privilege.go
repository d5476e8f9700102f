package starrocks

import (
	"context"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// privilegeProblem names what is missing and gives the one statement that grants
// everything a table needs, so that nobody has to come back for the next one.
func (c *Client) privilegeProblem(table change.Name, missing []string, cause error) error {
	return &diag.Problem{
		Code:    CodePrivilege,
		Message: fmt.Sprintf("StarRocks user '%s' lacks %s on table %s", c.config.User, strings.Join(missing, ", "), readableTable(table)),
		Fix:     fmt.Sprintf("GRANT SELECT, INSERT, ALTER ON TABLE %s TO USER %s;", readableTable(table), c.userName()),
		Cause:   cause,
	}
}

// shapePrivilegeProblem is privilegeProblem for what empties and replaces tables: the
// shadow of a table does not exist yet when its privileges are granted, so the grant is
// for all tables of the database.
func (c *Client) shapePrivilegeProblem(table change.Name, missing []string, cause error) error {
	return &diag.Problem{
		Code:    CodePrivilege,
		Message: fmt.Sprintf("StarRocks user '%s' lacks %s on table %s", c.config.User, strings.Join(missing, " or "), readableTable(table)),
		Fix:     fmt.Sprintf("GRANT SELECT, INSERT, ALTER, DELETE, DROP ON ALL TABLES IN DATABASE %s TO USER %s;", readableName(table.Database), c.userName()),
		Cause:   cause,
	}
}

func (c *Client) createPrivilegeProblem(table change.Name, cause error) error {
	return &diag.Problem{
		Code:    CodePrivilege,
		Message: fmt.Sprintf("StarRocks user '%s' lacks CREATE TABLE on database %s", c.config.User, readableName(table.Database)),
		Fix:     fmt.Sprintf("GRANT CREATE TABLE ON DATABASE %s TO USER %s;", readableName(table.Database), c.userName()),
		Cause:   cause,
	}
}

func (c *Client) userName() string {
	// In HTTP a user may be written user@cluster; a grant takes the name alone.
	name, _, _ := strings.Cut(c.config.User, "@")
	return "'" + strings.ReplaceAll(name, "'", `\'`) + "'@'%'"
}

// checkPrivileges asks for everything a running table needs, by doing what needs
// it, and answers one Problem.
func (c *Client) checkPrivileges(ctx context.Context, table change.Name) error {
	var missing []string
	var cause error
	rows, err := c.db.QueryContext(ctx, "SELECT 1 FROM "+quoteTable(table)+" LIMIT 1")
	if err == nil {
		err = rows.Err()
		if closing := rows.Close(); err == nil {
			err = closing
		}
	}
	if isDenied(err) {
		missing, cause = append(missing, "SELECT"), err
	} else if err != nil {
		return c.tableProblem("reading "+table.String(), table, err)
	}
	denied, err := c.insertDenied(ctx, table)
	if err != nil {
		return err
	}
	if denied != nil {
		missing = append(missing, "INSERT")
		if cause == nil {
			cause = denied
		}
	}
	if lacking, err := c.lacksAlter(ctx, table); err != nil {
		return err
	} else if lacking {
		missing = append(missing, "ALTER")
	}
	if len(missing) > 0 {
		return c.privilegeProblem(table, missing, cause)
	}
	return nil
}

// lacksAlter reads SHOW GRANTS. It says yes only when the answer is understood and
// complete: behind a role, or in the words of an older version, anything may be.
func (c *Client) lacksAlter(ctx context.Context, table change.Name) (bool, error) {
	lack := func(grants []string) bool { return grantsLackAlter(grants, table) }
	grants, err := c.asked.grantsWith(func(grants []string) bool { return !lack(grants) }, func() ([]string, error) { return c.grants(ctx) })
	switch {
	case err == nil:
		return lack(grants), nil
	case isNetwork(err):
		return false, c.sqlProblem("reading the privileges of '"+c.config.User+"'", err)
	}
	return false, nil
}

func (c *Client) grants(ctx context.Context) (grants []string, err error) {
	rows, err := c.queryTexts(ctx, "SHOW GRANTS")
	for _, row := range rows {
		for name, cell := range row {
			if strings.EqualFold(name, "Grants") && cell.Valid {
				grants = append(grants, cell.String)
			}
		}
	}
	return grants, err
}

func grantsLackAlter(grants []string, table change.Name) bool {
	understood := false
	for _, grant := range grants {
		tokens, ok := tokenize(grant)
		if !ok || len(tokens) < 4 || !tokens[0].is("grant") {
			return false
		}
		on := -1
		for i, t := range tokens {
			if t.is("on") {
				on = i
				break
			}
		}
		if on < 0 {
			// A role: GRANT 'r' TO … . The role public is everybody's and usually empty.
			if !strings.EqualFold(tokens[1].text, "public") {
				return false
			}
			continue
		}
		understood = true
		if namesPrivilege(tokens[1:on], "ALTER") && coversTable(tokens[on+1:], table) {
			return false
		}
	}
	return understood
}

func namesPrivilege(tokens []token, privilege string) bool {
	for i, t := range tokens {
		if t.is("all") || t.is(privilege) && (i+1 == len(tokens) || tokens[i+1].is(",")) {
			return true
		}
	}
	return false
}

// coversTable reads what stands behind ON: TABLE d.t, d.u; ALL TABLES IN DATABASE
// d; ALL TABLES IN ALL DATABASES; or the short form d.t, d.*, *.*.
func coversTable(tokens []token, table change.Name) bool {
	var text strings.Builder
	for _, t := range tokens {
		if t.is("to") {
			break
		}
		text.WriteString(t.text)
		if t.kind == word && !strings.HasSuffix(t.text, ".") {
			text.WriteByte(' ')
		}
	}
	objects := strings.Join(strings.Fields(text.String()), " ")
	upper := strings.ToUpper(objects)
	switch {
	case strings.HasPrefix(upper, "ALL TABLES IN ALL DATABASES"):
		return true
	case strings.HasPrefix(upper, "ALL TABLES IN DATABASE "):
		return objects[len("ALL TABLES IN DATABASE "):] == table.Database
	case strings.HasPrefix(upper, "TABLE "):
		objects = objects[len("TABLE "):]
	}
	for _, object := range strings.Split(objects, ",") {
		object = strings.ReplaceAll(object, " ", "")
		if object == table.Database+"."+table.Table || object == table.Database+".*" || object == "*.*" {
			return true
		}
	}
	return false
}
