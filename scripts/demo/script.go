package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// catalogs are the tutorial's two.
const catalogs = `CREATE CATALOG mysql WITH (
  'type'             = 'mysql',
  'hostname'         = '{mysql host}',
  'port'             = '{mysql port}',
  'username'         = '{mysql user}',
  'password'         = '{mysql password}',
  'default-database' = 'test_cdc'
);

CREATE CATALOG sr WITH (
  'type'     = 'starrocks',
  'endpoint' = '{starrocks}',
  'username' = 'test',
  'password' = '123456',
  'dbname'   = 'test_cdc'
);

`

// script is the tutorial's script in simple mode. Only the addresses and the flush interval
// differ: 500 ms instead of 5000, so that nobody waits five seconds for each change.
const script = catalogs + `/* Simple mode */

USE CATALOG sr;

CREATE TABLE IF NOT EXISTS runoob_tbl1 WITH (
  'starrocks.create.table.properties' = 'buckets 8',
  'starrocks.create.table.mode'       = 'simple',
  'database-name'                     = 'test_cdc',
  'jdbc-url'                          = 'jdbc:mysql://{starrocks}',
  'load-url'                          = '{starrocks http}',
  'table-name'                        = 'runoob_tbl_sr',
  'username'                          = 'test',
  'password'                          = '123456',
  'sink.buffer-flush.interval-ms'     = '500',
  'sink.properties.row_delimiter'     = '\x02',
  'sink.properties.column_separator'  = '\x01'
)
AS TABLE mysql.test_cdc.runoob_tbl
/*+ OPTIONS (
  'connector'     = 'mysql-cdc',
  'hostname'      = '{mysql host}',
  'port'          = '{mysql port}',
  'username'      = '{mysql user}',
  'password'      = '{mysql password}',
  'database-name' = 'test_cdc',
  'table-name'    = 'runoob_tbl'
) */;
`

func (d *demo) scriptPath() string { return filepath.Join(d.dir, "tutorial.sql") }

// fillIn puts addresses and accounts into a script.
func (d *demo) fillIn(script, mysqlPassword string) string {
	quoted := func(s string) string { return strings.ReplaceAll(s, "'", "''") }
	return strings.NewReplacer(
		"{mysql host}", quoted(d.mysql.host), "{mysql port}", d.mysql.port,
		"{mysql user}", quoted(d.mysql.user), "{mysql password}", quoted(mysqlPassword),
		"{starrocks http}", d.httpAddr, "{starrocks}", d.queryAddr,
	).Replace(script)
}

func (d *demo) writeScript(context.Context) error {
	heading("Steps 2 and 3: the tutorial's script in simple mode, addresses filled in, flushing every 500 ms instead of 5000")
	if err := os.WriteFile(d.scriptPath(), []byte(d.fillIn(script, d.mysql.password)), 0o600); err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	shown := d.mysql.password
	if shown != testPassword {
		shown = "***" // not ours to print
	}
	fmt.Println("    " + strings.ReplaceAll(strings.TrimSuffix(d.fillIn(script, shown), "\n"), "\n", "\n    "))
	return nil
}
