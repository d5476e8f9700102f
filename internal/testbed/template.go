package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	rootUser     = "root"
	rootPassword = "starferry-testbed"
	// recipe changes whenever the data directory is made in another way.
	recipe = "1"
)

// template is an initialised data directory of the program, made once and kept in
// the cache. Its root user has rootPassword and comes from localhost and 127.0.0.1.
func (s *software) template(ctx context.Context, log logger) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	name := "template" + recipe + "-" + s.flavor.name() + "-" + s.version
	path := filepath.Join(cache, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	err = underLock(ctx, cache, name, log, func() error {
		if _, err := os.Stat(path); err == nil {
			return nil // another process was faster
		}
		log("initialising a data directory for %s %s", s.flavor, s.version)
		return install(cache, name, func(dir string) error {
			if s.flavor == MariaDBFlavor {
				return s.initialiseMariaDB(ctx, dir)
			}
			return s.initialiseMySQL(ctx, dir)
		})
	})
	return path, err
}

func (s *software) initialiseMySQL(ctx context.Context, dir string) error {
	users, err := os.CreateTemp("", "starferry-users-*.sql")
	if err != nil {
		return fmt.Errorf("initialising a data directory: %w", err)
	}
	defer os.Remove(users.Name())
	_, err = fmt.Fprintf(users, `ALTER USER 'root'@'localhost' IDENTIFIED BY '%[1]s';
CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '%[1]s';
GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
`, rootPassword)
	if err := errors.Join(err, users.Close()); err != nil {
		return fmt.Errorf("initialising a data directory: %w", err)
	}
	data := filepath.Join(dir, "data")
	cmd := s.run(ctx, "--initialize-insecure", "--datadir="+data, "--init-file="+users.Name(),
		"--skip-log-bin", "--loose-innodb-redo-log-capacity=32M")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialising a data directory: %w\n%s", err, tail(out))
	}
	// With it, every server would have the same server_uuid.
	if err := os.Remove(filepath.Join(data, "auto.cnf")); err != nil {
		return fmt.Errorf("initialising a data directory: %w", err)
	}
	return moveUp(data, dir)
}

// moveUp moves what is in sub to its parent: mysqld initialises only an empty
// directory, and one more name in the cache would need one more clean-up.
func moveUp(sub, parent string) error {
	entries, err := os.ReadDir(sub)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(sub, e.Name()), filepath.Join(parent, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(sub)
}

// initialiseMariaDB does what the shell script mariadb-install-db does.
func (s *software) initialiseMariaDB(ctx context.Context, dir string) error {
	var sql bytes.Buffer
	sql.WriteString("CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n")
	for _, name := range []string{"_system_tables", "_performance_tables", "_system_tables_data", "maria_add_gis_sp_bootstrap", "_sys_schema"} {
		script := first(s.share, "mysql"+name+".sql", "mariadb"+name+".sql", name+".sql")
		if script == "" {
			return fmt.Errorf("initialising a data directory: %s lacks the script *%s.sql of MariaDB", s.share, name)
		}
		text, err := os.ReadFile(script)
		if err != nil {
			return fmt.Errorf("initialising a data directory: %w", err)
		}
		sql.Write(text)
		sql.WriteByte('\n')
	}
	fmt.Fprintf(&sql, "UPDATE mysql.global_priv SET priv = JSON_SET(priv, '$.plugin', 'mysql_native_password', "+
		"'$.authentication_string', PASSWORD('%s')) WHERE user = 'root';\n", rootPassword)
	cmd := s.run(ctx, "--bootstrap", "--datadir="+dir, "--skip-log-bin", "--innodb-log-file-size=16M")
	cmd.Stdin = &sql
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialising a data directory: %w\n%s", err, tail(out))
	}
	return nil
}

// tail is the last lines of a log.
func tail(log []byte) string {
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// copyTree copies a directory of plain files to a new place.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, below)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return copyFile(target, path)
	})
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) // the kernel shares the blocks where it can
	return errors.Join(err, out.Close())
}
