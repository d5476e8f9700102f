package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// session is one connection to a server that speaks MySQL's protocol.
type session struct {
	prompt     string
	host, port string
	db         *sql.DB
}

// login connects; the connection is closed with the demo.
func (d *demo) login(ctx context.Context, prompt, address, user, password string) (*session, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "tcp", address, user, password
	config.InterpolateParams = true // StarRocks prepares but little
	config.Logger = &mysql.NopLogger{}
	config.Timeout = patience
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	s := &session{prompt: prompt, host: host, port: port, db: sql.OpenDB(connector)}
	s.db.SetMaxOpenConns(1) // USE is the connection's
	d.onCleanUp(s.db.Close)
	if err := s.db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("logging in at %s as '%s': %w", address, user, err)
	}
	return s, nil
}

// show prints and runs statements.
func (s *session) show(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		s.print(statement)
		if err := s.run(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) print(statement string) {
	indent := "\n  " + strings.Repeat(" ", len(s.prompt)) + "> "
	fmt.Printf("  %s> %s;\n", s.prompt, strings.ReplaceAll(statement, "\n", indent))
}

func (s *session) run(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	if _, err := s.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s refused %s: %w", s.prompt, firstLine(statement), err)
	}
	return nil
}

var errPatience = fmt.Errorf("nothing for %v", patience)

func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		line += " …"
	}
	return line
}

// query reads a whole result.
func (s *session) query(ctx context.Context, statement string) (*table, error) {
	rows, err := s.db.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	t := &table{}
	for _, c := range types {
		t.names = append(t.names, c.Name())
		t.numeric = append(t.numeric, strings.Contains(c.DatabaseTypeName(), "INT"))
	}
	for rows.Next() {
		cells := make([]sql.NullString, len(types))
		into := make([]any, len(types))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = "NULL"
			if c.Valid {
				row[i] = c.String
			}
		}
		t.rows = append(t.rows, row)
	}
	return t, errors.Join(rows.Err(), rows.Close())
}
