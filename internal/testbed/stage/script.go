package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Script is what a run of the binary is told.
type Script struct {
	Name     string // of the file
	Settings string // statements to begin with
	Database string // of both sides
	Tables   []string
	// From and Sink are further options of the catalogs of MySQL and StarRocks, each with
	// a comma before it.
	From, Sink string
}

const targetOptions = "'starrocks.create.table.properties' = 'buckets 1', 'starrocks.create.table.mode' = 'simple'"

// Write writes a script with a statement for every table.
func (s *Stage) Write(script Script) (path string, err error) {
	var b strings.Builder
	b.WriteString(s.catalogs(script))
	for _, table := range script.Tables {
		fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %[1]s WITH ("+targetOptions+") AS TABLE mysql.%[2]s.%[1]s;\n", table, script.Database)
	}
	return s.save(script, b.String())
}

// WriteWhole writes a script with one statement for the whole database, into another one.
func (s *Stage) WriteWhole(script Script, into string) (path string, err error) {
	return s.save(script, s.catalogs(script)+fmt.Sprintf("CREATE DATABASE IF NOT EXISTS sr.%s WITH ("+targetOptions+") AS DATABASE mysql.%s;\n", into, script.Database))
}

func (s *Stage) catalogs(script Script) string {
	return fmt.Sprintf(`%s
CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = '%s', 'port' = '%d', 'username' = '%s', 'password' = '%s', 'default-database' = '%s'%s);
CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = '%s', 'load-url' = '%s', 'username' = 'root', 'password' = '', 'dbname' = '%[6]s'%[10]s);
USE CATALOG sr;
`, script.Settings, s.Source.Host, s.Source.Port, s.Source.User, s.Source.Password, script.Database, script.From, s.QueryAddr, s.LoadAddr, script.Sink)
}

func (s *Stage) save(script Script, text string) (string, error) {
	path := filepath.Join(s.Dir, script.Name+".sql")
	return path, os.WriteFile(path, []byte(text), 0o600)
}
