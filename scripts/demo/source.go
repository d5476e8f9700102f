package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/testbed"
)

const (
	database     = "test_cdc"
	sourceTable  = "runoob_tbl"
	targetTable  = "runoob_tbl1"
	testUser     = "test"
	testPassword = "123456"
)

// source is the MySQL of the demo and the account that the script uses.
type source struct {
	server         *testbed.Server // nil when it is the user's own
	host, port     string
	user, password string
	root           *session // the account that may create accounts
	test           *session // the account of the script
}

// passwordHint never tells a password that is not the tutorial's.
func (s *source) passwordHint() string {
	if s.password == testPassword {
		return "password " + testPassword
	}
	return "the password of STARFERRY_MYSQL"
}

const environmentName = "STARFERRY_MYSQL"

func (d *demo) startMySQL(ctx context.Context) error {
	heading("MySQL")
	if given := os.Getenv(environmentName); given != "" {
		return d.useGiven(ctx, given)
	}
	options := testbed.Options{Flavor: testbed.MySQLFlavor, Log: note, Detached: d.keep}
	server, err := testbed.Start(ctx, options)
	if errors.Is(err, testbed.ErrUnavailable) {
		note("%s", strings.ReplaceAll(err.Error(), "\n", "\n  "))
		note("*** Going on with MariaDB instead of MySQL ***")
		options.Flavor = testbed.MariaDBFlavor
		server, err = testbed.Start(ctx, options)
	}
	if err != nil {
		return err
	}
	d.onCleanUp(server.Stop)
	note("%s %s on %s, a private one", server.Flavor, server.Version, server.Address())
	d.mysql = &source{server: server, host: server.Host, port: strconv.Itoa(server.Port)}
	d.mysql.root, err = d.login(ctx, "mysql", server.Address(), server.User, server.Password)
	return err
}

// useGiven uses a server that exists, and touches nothing that is there already.
func (d *demo) useGiven(ctx context.Context, given string) error {
	user, password, address, err := parseGiven(given)
	if err != nil {
		return err
	}
	note("the one of %s, on %s", environmentName, address)
	root, err := d.login(ctx, "mysql", address, user, password)
	if err != nil {
		return fmt.Errorf("cannot use the server of %s: %w", environmentName, err)
	}
	var there int
	if err := root.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", database).Scan(&there); err != nil {
		return fmt.Errorf("asking %s for its databases: %w", address, err)
	}
	if there > 0 {
		return fmt.Errorf("MySQL on %s already has a database %s, which the demo would create and drop; "+
			"drop or rename it, or unset %s to use a private server", address, database, environmentName)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	d.mysql = &source{host: host, port: port, user: user, password: password, root: root}
	return nil
}

// parseGiven reads user:password@host:port. The password may hold any character,
// the host begins behind the last @.
func parseGiven(given string) (user, password, address string, err error) {
	at := strings.LastIndexByte(given, '@')
	if at > 0 {
		user, password, _ = strings.Cut(given[:at], ":")
		address = given[at+1:]
	}
	if _, _, bad := net.SplitHostPort(address); at <= 0 || user == "" || bad != nil {
		// The value may hold a password: it is not repeated.
		return "", "", "", fmt.Errorf("%s is not of the form user:password@host:port", environmentName)
	}
	return user, password, address, nil
}

// createTable is the tutorial's.
const createTable = "CREATE TABLE IF NOT EXISTS `runoob_tbl` (\n" +
	"  `runoob_id`      INT UNSIGNED AUTO_INCREMENT,\n" +
	"  `runoob_title`   VARCHAR(100) NOT NULL,\n" +
	"  `runoob_author`  VARCHAR(40)  NOT NULL,\n" +
	"  `submission_date` DATE,\n" +
	"  `add_col`        INT DEFAULT NULL,\n" +
	"  PRIMARY KEY (`runoob_id`)\n" +
	") ENGINE=InnoDB DEFAULT CHARSET=utf8"

const insertFirst = "INSERT INTO test_cdc.`runoob_tbl`\n" +
	"  (`runoob_id`, `runoob_title`, `runoob_author`, `submission_date`, `add_col`)\n" +
	"VALUES (18, 'first', 'tom', '2022-06-22', 3)"

func (d *demo) prepareMySQL(ctx context.Context) error {
	heading("Step 1: a database, an account and a row in MySQL")
	if err := d.mysql.root.show(ctx, "CREATE DATABASE "+database); err != nil {
		return err
	}
	if d.mysql.server == nil {
		d.onCleanUp(func() error { return d.mysql.root.run(context.Background(), "DROP DATABASE "+database) })
	}
	if err := d.createAccount(ctx); err != nil {
		return err
	}
	var err error
	d.mysql.test, err = d.login(ctx, "mysql", net.JoinHostPort(d.mysql.host, d.mysql.port), d.mysql.user, d.mysql.password)
	if err != nil {
		return err
	}
	return d.mysql.test.show(ctx, "USE "+database, createTable, insertFirst)
}

// createAccount makes the tutorial's account with what reading the binlog needs. On
// a user's own server that may not be possible: then the given account is used.
func (d *demo) createAccount(ctx context.Context) error {
	my := d.mysql
	create := fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", testUser, testPassword)
	err := my.root.show(ctx, create)
	var refused *mysql.MySQLError
	if my.server == nil && errors.As(err, &refused) {
		note("refused (%s): the script will use the account of %s instead", refused.Message, environmentName)
		return nil
	}
	if err != nil {
		return err
	}
	if my.server == nil {
		d.onCleanUp(func() error { return my.root.run(context.Background(), "DROP USER '"+testUser+"'@'%'") })
	}
	my.user, my.password = testUser, testPassword
	return my.root.show(ctx,
		fmt.Sprintf("GRANT ALL ON %s.* TO '%s'@'%%'", database, testUser),
		fmt.Sprintf("GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '%s'@'%%'", testUser))
}
