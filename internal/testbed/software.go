package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Flavor is a make of database server.
type Flavor int

const (
	MySQLFlavor Flavor = iota
	MariaDBFlavor
)

func (f Flavor) String() string { return [...]string{"MySQL", "MariaDB"}[f] }

// name is the flavor in file names.
func (f Flavor) name() string { return strings.ToLower(f.String()) }

// software is a server program that can be run.
type software struct {
	flavor  Flavor
	version string
	command []string // the program, or its loader with the program as an argument
	args    []string // where its files are, unless it knows by itself
	share   string   // its SQL scripts (MariaDB)
}

// findSoftware answers with an installed program or, if there is none, with one
// unpacked in the cache, which it fills if need be.
func findSoftware(ctx context.Context, flavor Flavor, log logger) (*software, error) {
	if s := installed(ctx, flavor); s != nil {
		return s, nil
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	if s := unpacked(cache, flavor); s != nil {
		return s, nil
	}
	var s *software
	err = underLock(ctx, cache, flavor.name(), log, func() error {
		if s = unpacked(cache, flavor); s != nil {
			return nil // another process was faster
		}
		if err := provision(ctx, cache, flavor, log); err != nil {
			return err
		}
		if s = unpacked(cache, flavor); s == nil {
			return fmt.Errorf("the Debian package of %s holds no server that can be run", flavor)
		}
		return nil
	})
	return s, err
}

// oldest are the oldest versions worth testing with.
var oldest = [...][2]int{MySQLFlavor: {5, 7}, MariaDBFlavor: {10, 5}}

var versionPattern = regexp.MustCompile(`Ver (\d+)\.(\d+)[.\d]*`)

// installed looks for a program of the machine's own.
func installed(ctx context.Context, flavor Flavor) *software {
	names := [...][]string{MySQLFlavor: {"mysqld"}, MariaDBFlavor: {"mariadbd", "mysqld"}}[flavor]
	for _, name := range names {
		program, err := exec.LookPath(name)
		if err != nil {
			if program, err = exec.LookPath("/usr/sbin/" + name); err != nil {
				continue
			}
		}
		answer, err := exec.CommandContext(ctx, program, "--no-defaults", "--version").Output()
		version := versionPattern.FindSubmatch(answer)
		if err != nil || version == nil || bytes.Contains(answer, []byte("MariaDB")) != (flavor == MariaDBFlavor) {
			continue
		}
		if !atLeast(string(version[1]), string(version[2]), oldest[flavor]) {
			continue
		}
		share := "/usr/share/mysql"
		if scripts, _ := filepath.Glob("/usr/share/mariadb/*_system_tables.sql"); scripts != nil {
			share = "/usr/share/mariadb"
		}
		return &software{
			flavor: flavor, version: strings.TrimPrefix(string(version[0]), "Ver "),
			command: []string{program}, share: share,
		}
	}
	return nil
}

func atLeast(major, minor string, want [2]int) bool {
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > want[0] || a == want[0] && b >= want[1])
}

// unpacked looks for a program in the cache.
func unpacked(cache string, flavor Flavor) *software {
	roots, err := filepath.Glob(filepath.Join(cache, flavor.name()+"-[0-9]*"))
	if err != nil {
		return nil // only for a bad pattern
	}
	// Several only when a person kept an older one: the youngest.
	sort.Slice(roots, func(i, j int) bool { return modified(roots[i]) > modified(roots[j]) })
	for _, root := range roots {
		if s := softwareIn(root, flavor); s != nil {
			return s
		}
	}
	return nil
}

func modified(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}

// softwareIn describes the program below root, where packages have been unpacked. It
// is run through the unpacked loader, with the unpacked libraries alone.
func softwareIn(root string, flavor Flavor) *software {
	program := filepath.Join(root, "usr/sbin", [...]string{"mysqld", "mariadbd"}[flavor])
	if _, err := os.Stat(program); err != nil {
		return nil
	}
	loader, libraries := loaderIn(root)
	if loader == "" {
		return nil
	}
	share := filepath.Join(root, "usr/share/mysql")
	return &software{
		flavor: flavor, version: strings.TrimPrefix(filepath.Base(root), flavor.name()+"-"), share: share,
		command: []string{loader, "--library-path", strings.Join(libraries, ":"), program},
		args: []string{
			"--basedir=" + filepath.Join(root, "usr"), "--lc-messages-dir=" + share,
			"--character-sets-dir=" + filepath.Join(share, "charsets"),
			"--plugin-dir=" + filepath.Join(root, "usr/lib/mysql/plugin"),
		},
	}
}

// loaderIn finds the unpacked loader, "" when there is none, and the unpacked libraries.
func loaderIn(root string) (loader string, libraries []string) {
	for _, pattern := range []string{"lib/*-linux-gnu*", "usr/lib/*-linux-gnu*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // fails only for a bad pattern
		libraries = append(libraries, found...)
	}
	return first(root, "usr/lib64/ld-linux*.so.*", "lib64/ld-linux*.so.*", "usr/lib/ld-linux*.so.*", "lib/ld-linux*.so.*"), libraries
}

// first is the first file below root that a pattern matches.
func first(root string, patterns ...string) string {
	for _, pattern := range patterns {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // fails only for a bad pattern
		if len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// run is a command that runs the program. Later arguments win over earlier ones.
func (s *software) run(ctx context.Context, args ...string) *exec.Cmd {
	all := append(append([]string{}, s.command[1:]...), "--no-defaults")
	all = append(all, s.args...)
	if os.Getuid() == 0 {
		all = append(all, "--user=root") // refuses to run as root unless told
	}
	return exec.CommandContext(ctx, s.command[0], append(all, args...)...)
}

// ErrUnavailable marks that a server cannot be had on this machine.
var ErrUnavailable = errors.New("not to be had here")
