package mysql

import (
	"context"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// checkGrants tries what the user must be allowed to: what SHOW GRANTS prints
// depends on roles, on partial revokes and on the version, what the server does
// not.
func (s *Source) checkGrants(ctx context.Context, tables []change.Name) (problem, err error) {
	var problems []error
	err = s.openAll(ctx, tables, func(name change.Name, err error) error {
		switch code := errorCode(err); {
		case isSchemaChange(err): // a missing table is Describe's to say
		case denied(code):
			problems = append(problems, s.grantProblem("SELECT", quotedTable(name), err))
		default:
			return s.queryProblem("SELECT from "+name.String(), err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	client := "REPLICATION CLIENT"
	if s.server.Flavor == MariaDB {
		client = "BINLOG MONITOR"
	}
	may, err := s.may(ctx, s.statusStatement())
	if err != nil {
		return nil, err
	}
	if !may {
		problems = append(problems, s.grantProblem(client, "*.*", nil))
	}
	if may, err = s.mayDump(ctx); err != nil {
		return nil, err
	}
	if !may {
		problems = append(problems, s.grantProblem("REPLICATION SLAVE", "*.*", nil))
	}
	return diag.Join(problems...), nil
}

func denied(code uint16) bool {
	return code == 1044 || code == 1045 || code == 1142 || code == 1143 || code == 1227 || code == 1370
}

// may tries a statement that needs a privilege.
func (s *Source) may(ctx context.Context, statement string) (bool, error) {
	rows, err := s.db.QueryContext(ctx, statement)
	if err == nil {
		err = rows.Close()
	}
	if denied(errorCode(err)) {
		return false, nil
	}
	return true, s.queryProblem(statement, err)
}

// mayDump tells whether the log may be read. Asking for the log itself would end a
// stream that runs with the same server id.
func (s *Source) mayDump(ctx context.Context) (bool, error) {
	if s.server.Flavor == MySQL {
		if s.server.atLeast(8, 0, 22) {
			return s.may(ctx, "SHOW REPLICAS")
		}
		return s.may(ctx, "SHOW SLAVE HOSTS")
	}
	// MariaDB asks another privilege for that list.
	grants, err := s.names(ctx, "SHOW GRANTS")
	if err != nil {
		return false, err
	}
	for _, grant := range grants {
		given, on, _ := strings.Cut(strings.ToUpper(grant), " ON ")
		if strings.HasPrefix(on, "*.*") && (hasPrivilege(given, "ALL PRIVILEGES") || hasPrivilege(given, "REPLICATION SLAVE")) {
			return true, nil
		}
	}
	return false, nil
}

// hasPrivilege looks for a privilege in the list of a GRANT.
func hasPrivilege(grant, privilege string) bool {
	for _, one := range strings.Split(strings.TrimPrefix(grant, "GRANT "), ",") {
		if strings.TrimSpace(one) == privilege {
			return true
		}
	}
	return false
}

// grantProblem is a missing privilege and the statement that grants it.
func (s *Source) grantProblem(privilege, on string, cause error) error {
	return &diag.Problem{Code: codeGrant, Class: diag.Refused, Cause: cause,
		Message: fmt.Sprintf("user '%s' lacks %s on %s of MySQL %s", s.config.User, privilege, on, s.address()),
		Fix:     fmt.Sprintf("GRANT %s ON %s TO %s;", privilege, on, s.account())}
}

// account is the user as GRANT must name it.
func (s *Source) account() string {
	user, host := s.config.User, "%"
	if at := strings.LastIndexByte(s.currentUser, '@'); at >= 0 {
		user, host = s.currentUser[:at], s.currentUser[at+1:]
	}
	return literal(user) + "@" + literal(host)
}
