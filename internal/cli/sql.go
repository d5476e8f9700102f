package cli

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/cobra"

	"starferry/internal/diag"
)

type sqlFlags struct {
	host, user, database string
	port                 int
	execute, file        string
	script               string // whose catalogs there are
}

const sqlPasswordName = "STARFERRY_SQL_PASSWORD"

func (a *app) sql() *cobra.Command {
	var f sqlFlags
	cmd := &cobra.Command{
		Use:   "sql [-e STATEMENTS | -f FILE]",
		Short: "Run SQL on StarRocks, the emulator or MySQL.",
		Long: "Run SQL on StarRocks, the emulator or MySQL: the statements given, those of a file, or those of standard input.\n" +
			"The password is taken from " + sqlPasswordName + "; without it, a terminal is asked when the server wants one.\n" +
			"Where there are catalogs, of --script or of CREATE CATALOG … WITH, names may begin with one, SHOW, DESCRIBE and USE\n" +
			"know them, EXPLAIN CREATE TABLE … AS TABLE shows what run would do, and all else goes to the current catalog's server.",
		Example: `  starferry sql -e 'SELECT * FROM shop.orders ORDER BY id LIMIT 10'
  starferry sql --script orders.sql -e 'SHOW TABLES FROM mysql.shop; DESCRIBE sr.ods.orders'
  starferry sql --host 10.0.0.5 --user admin -f setup.sql
  ` + sqlPasswordName + `=secret starferry sql --port 3306 -e 'SHOW MASTER STATUS'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runSQL(cmd, f) },
	}
	cmd.Flags().StringVarP(&f.execute, "execute", "e", "", "run these statements")
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "run the statements of this file")
	cmd.Flags().StringVar(&f.script, "script", "", "use the catalogs of this script, and nothing else of it")
	cmd.Flags().StringVar(&f.host, "host", "127.0.0.1", "host of the server")
	cmd.Flags().IntVar(&f.port, "port", 9030, "port of the server")
	cmd.Flags().StringVar(&f.user, "user", "root", "user")
	cmd.Flags().StringVar(&f.database, "database", "", "database to begin in")
	a.takesScript(cmd)
	return cmd
}

func (a *app) runSQL(cmd *cobra.Command, f sqlFlags) error {
	if f.execute != "" && f.file != "" {
		return misused(cmd, "give either -e or -f, not both")
	}
	v, err := a.values(cmd, true)
	if err != nil {
		return err
	}
	s := &session{app: a, flags: f, values: v, name: "-e", servers: map[string]*server{}}
	defer s.close()
	ctx := cmd.Context()
	if f.script != "" {
		if err := s.begin(f.script); err != nil {
			return err
		}
	}
	switch {
	case f.execute != "":
		return s.runStatements(ctx, f.execute)
	case f.file != "":
		text, err := a.readFile(f.file)
		if err != nil {
			return err
		}
		s.name = f.file
		return s.runStatements(ctx, text)
	}
	s.name = "standard input"
	if isTerminal(a.In) && f.script == "" {
		if _, err := s.server(ctx, nil); err != nil {
			return err
		}
	}
	return s.converse(ctx)
}

// connect logs in; where no password was given and the server wants one, a
// terminal is asked, once.
func (a *app) connect(ctx context.Context, f sqlFlags) (*sql.Conn, func(), error) {
	password, given := a.env[sqlPasswordName]
	conn, done, err := login(ctx, f.address(), f.user, diag.NewSecret(password), f.database, "preferred")
	var refused *mysql.MySQLError
	if errors.As(err, &refused) && refused.Number == accessDenied && !given && isTerminal(a.In) {
		secret, asked := a.askPassword(f)
		if asked != nil {
			return nil, nil, asked
		}
		conn, done, err = login(ctx, f.address(), f.user, secret, f.database, "preferred")
	}
	if err == nil {
		return conn, done, nil
	}
	p := &diag.Problem{
		Code: CodeConnect, Class: diag.Unusable, Cause: plainError(err),
		Message: fmt.Sprintf("cannot use the server at %s as user '%s'", f.address(), f.user),
		Fix:     "check --host and --port, and that the server is running (starferry emulator starts one on port 9030)",
	}
	if errors.As(err, &refused) {
		p.Fix = "check --user and --database, and give the password in " + sqlPasswordName
	}
	return nil, nil, p
}

const accessDenied = 1045

func (f sqlFlags) address() string { return net.JoinHostPort(f.host, strconv.Itoa(f.port)) }

func login(ctx context.Context, address, user string, password diag.Secret, database, tls string) (*sql.Conn, func(), error) {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", address
	c.User, c.Passwd, c.DBName = user, password.Reveal(), database
	c.InterpolateParams = true
	c.TLSConfig = map[string]string{"disabled": "false", "required": "skip-verify", "verify-identity": "true"}[tls]
	if c.TLSConfig == "" {
		c.TLSConfig = "preferred"
	}
	c.Timeout = 10 * time.Second
	c.Logger = &mysql.NopLogger{} // what it would log comes back as an error too
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, nil, err
	}
	db := sql.OpenDB(connector)
	// One connection throughout: USE and SET are the connection's.
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return conn, func() { conn.Close(); db.Close() }, nil
}

func (a *app) askPassword(f sqlFlags) (diag.Secret, error) {
	terminal := a.In.(*os.File)
	restore, err := silence(terminal)
	if err != nil {
		return diag.Secret{}, fmt.Errorf("asking for the password: %w", err)
	}
	// A Ctrl-C must not leave the terminal silent.
	a.beforeForced.Store(&restore)
	fmt.Fprintf(a.Err, "Password of '%s' at %s: ", f.user, f.address())
	line, err := bufio.NewReader(terminal).ReadString('\n')
	fmt.Fprintln(a.Err)
	a.beforeForced.Store(nil)
	return diag.NewSecret(strings.TrimRight(line, "\r\n")), errors.Join(err, restore())
}

func (s *session) runStatements(ctx context.Context, text string) error {
	statements, rest := splitStatements(text)
	for _, statement := range append(statements, rest) {
		if err := s.statement(ctx, statement); err != nil {
			return err
		}
	}
	return s.end(ctx)
}

// converse runs statements as they arrive on standard input: on a terminal with a
// prompt, and on after an error.
func (s *session) converse(ctx context.Context) error {
	terminal := isTerminal(s.In)
	in := bufio.NewReader(s.In)
	pending := ""
	for {
		if terminal {
			prompt := "starferry> "
			if !isEmptyStatement(pending) {
				prompt = "        -> "
			}
			fmt.Fprint(s.Err, prompt)
		}
		line, readErr := in.ReadString('\n')
		if readErr != nil && readErr != io.EOF {
			return fmt.Errorf("reading standard input: %w", readErr)
		}
		if word := strings.ToLower(strings.Trim(line, " \t\r\n;")); pending == "" && (word == "quit" || word == "exit") {
			return nil
		}
		statements, rest := splitStatements(pending + line)
		pending = rest
		if isEmptyStatement(rest) {
			pending = ""
		}
		if readErr == io.EOF {
			statements = append(statements, pending)
		}
		for _, statement := range statements {
			err := s.statement(ctx, statement)
			if err != nil && !terminal {
				return err
			}
			if err != nil && !errors.As(err, &failed{}) {
				diag.PrintError(s.Err, err)
			}
		}
		if readErr == io.EOF {
			return s.end(ctx)
		}
	}
}

func (a *app) runStatement(ctx context.Context, conn *sql.Conn, statement string) error {
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return statementProblem(statement, err)
	}
	defer rows.Close()
	for {
		t, err := readTable(rows)
		if err != nil {
			return statementProblem(statement, err)
		}
		switch {
		case len(t.names) == 0:
			fmt.Fprintln(a.Err, "Query OK")
		case len(t.rows) == 0:
			fmt.Fprintln(a.Err, "Empty set")
		default:
			if err := t.print(a.Out); err != nil {
				return fmt.Errorf("writing the answer: %w", err)
			}
		}
		if !rows.NextResultSet() {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return statementProblem(statement, err)
	}
	return nil
}

func statementProblem(statement string, err error) error {
	p := &diag.Problem{Code: CodeStatement, Class: diag.Refused, Message: hideSecrets(statement, plainError(err).Error())}
	var refused *mysql.MySQLError
	if !errors.As(err, &refused) {
		p.Message = "the server did not answer: " + p.Message
		p.Class = diag.Unusable
	}
	return p
}

// plainError writes a server's error as the stock client does.
func plainError(err error) error {
	var refused *mysql.MySQLError
	if !errors.As(err, &refused) {
		return err
	}
	return fmt.Errorf("ERROR %d (%s): %s", refused.Number, refused.SQLState, refused.Message)
}
