package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// packaged says where Debian has a server. MySQL is in no stable release, so it
// comes from unstable, where its version moves; MariaDB is pinned by its release.
var packaged = [...]struct{ suite, name string }{
	MySQLFlavor:   {"sid", "mysql-server-core"},
	MariaDBFlavor: {"bookworm", "mariadb-server-core"},
}

const archiveKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// provision unpacks a server and everything it depends on into the cache. apt does
// the resolving, downloading and verifying, with a state of its own: nothing of the
// machine's package management is read but where its mirror is, and nothing changed.
func provision(ctx context.Context, cache string, flavor Flavor, log logger) error {
	began := time.Now()
	pack := packaged[flavor]
	log("%s is not installed: fetching Debian's %s (%s) into %s", flavor, pack.name, pack.suite, cache)
	if err := fetch(ctx, cache, pack.suite, pack.name, flavor.name(), withoutPerl, log); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return unavailable(flavor, err)
	}
	log("%s is ready in %s (%.0f s)", flavor, cache, time.Since(began).Seconds())
	return nil
}

// fetch unpacks a package and everything it depends on into the cache, in a directory of
// that name and its version. installed is what apt is told to be there already.
func fetch(ctx context.Context, cache, suite, pack, name, installed string, log logger) error {
	if err := checkTools(); err != nil {
		return err
	}
	mirror, err := machineMirror(ctx)
	if err != nil {
		return err
	}
	apt, err := newPrivateApt(ctx, filepath.Join(cache, "apt-"+suite+"-"+pack), mirror, suite, installed)
	if err != nil {
		return err
	}
	for _, step := range [][]string{
		{"update"},
		{"autoclean"}, // drops what an interrupted run fetched and has since been replaced
		{"install", "--yes", "--download-only", "--no-install-recommends", pack},
	} {
		if err := apt.run(ctx, log, step...); err != nil {
			return err
		}
	}
	version, err := apt.version(pack)
	if err != nil {
		return err
	}
	log("unpacking %s", name+"-"+version)
	if err := install(cache, name+"-"+version, func(dir string) error { return apt.unpack(ctx, dir) }); err != nil {
		return err
	}
	return os.RemoveAll(apt.dir)
}

// unavailable adds what a person can do instead.
func unavailable(flavor Flavor, cause error) error {
	advice := "install mariadb-server"
	if flavor == MySQLFlavor {
		advice = "install mysql-server 5.7 or later; for the demo, STARFERRY_MYSQL=user:password@host:port names a server you have"
	}
	return fmt.Errorf("%s is %w: %w\n   = To fix: %s", flavor, ErrUnavailable, cause, advice)
}

func checkTools() error {
	for _, tool := range []string{"apt-get", "apt-config", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("fetching it needs Debian's %s, which this machine does not have", tool)
		}
	}
	if _, err := os.Stat(archiveKeyring); err != nil {
		return errors.New("fetching it needs the package debian-archive-keyring")
	}
	return nil
}

// machineMirror asks apt which of the machine's sources is Debian's own archive.
func machineMirror(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets",
		"--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages").Output()
	if err != nil {
		return "", fmt.Errorf("asking apt for its sources: %w", err)
	}
	if mirror := chooseMirror(string(out)); mirror != "" {
		return mirror, nil
	}
	return "", errors.New("apt's sources on this machine name no mirror of Debian")
}

var debianSuites = []string{"bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"}

// chooseMirror picks a source with a Debian suite and the component main: best one
// that has the suite's updates beside it, as only Debian's archive does.
func chooseMirror(targets string) string {
	best := ""
	for line := range strings.Lines(targets) {
		uri, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		suite, component, _ := strings.Cut(rest, " ")
		known := false
		for _, s := range debianSuites {
			known = known || s == suite
		}
		if !known || component != "main" {
			continue
		}
		if strings.Contains(targets, uri+" "+suite+"-updates main") {
			return uri
		}
		if best == "" {
			best = uri
		}
	}
	return best
}

// withoutPerl: Perl is a dependency of the servers' scripts, not of the servers. Called
// installed, it is not downloaded.
const withoutPerl = "Package: perl\nStatus: install ok installed\nVersion: 99:1\nArchitecture: all\n" +
	"Multi-Arch: foreign\nProvides: perl:any\nMaintainer: nobody\nDescription: stand-in\n\n"

// privateApt is apt with its own configuration, sources, lists and downloads.
type privateApt struct{ dir string }

// newPrivateApt prepares dir, keeping what an interrupted run has downloaded there.
func newPrivateApt(ctx context.Context, dir, mirror, suite, installed string) (*privateApt, error) {
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial", "etc/parts"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("preparing apt: %w", err)
		}
	}
	// Proxies and the like are the machine's; its hooks are not wanted.
	network, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return nil, fmt.Errorf("asking apt for its settings: %w", err)
	}
	files := map[string]string{
		"etc/sources.list": fmt.Sprintf("deb [signed-by=%s] %s %s main\n", archiveKeyring, mirror, suite),
		"etc/apt.conf":     aptConfiguration(dir, string(network)),
		"state/status":     installed,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("preparing apt: %w", err)
		}
	}
	return &privateApt{dir}, nil
}

func aptConfiguration(dir, network string) string {
	var b strings.Builder
	for line := range strings.Lines(network) {
		if !strings.HasPrefix(line, "Acquire::IndexTargets") {
			b.WriteString(line)
		}
	}
	fmt.Fprintf(&b, `
Dir::State %[1]q;
Dir::State::status %[2]q;
Dir::Cache %[3]q;
Dir::Etc::main "/dev/null";
Dir::Etc::parts %[4]q;
Dir::Etc::sourcelist %[5]q;
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
APT::Sandbox::User "root";
`, filepath.Join(dir, "state"), filepath.Join(dir, "state/status"), filepath.Join(dir, "cache"),
		filepath.Join(dir, "etc/parts"), filepath.Join(dir, "etc/sources.list"))
	return b.String()
}

// run runs apt-get, reporting its progress; its complaints are part of the error.
func (a *privateApt) run(ctx context.Context, log logger, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q"}, args...)...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "etc/apt.conf"), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var complaints bytes.Buffer
	cmd.Stdout = &aptProgress{log: log}
	cmd.Stderr = &complaints
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, strings.TrimSpace(complaints.String()))
	}
	return nil
}

// aptProgress passes on the totals, and what is being fetched every few seconds.
type aptProgress struct {
	log  logger
	part []byte
	last time.Time
}

func (p *aptProgress) Write(text []byte) (int, error) {
	p.part = append(p.part, text...)
	for {
		end := bytes.IndexByte(p.part, '\n')
		if end < 0 {
			return len(text), nil
		}
		p.line(string(p.part[:end]))
		p.part = p.part[end+1:]
	}
}

func (p *aptProgress) line(line string) {
	total := strings.HasPrefix(line, "Need to get") || strings.HasPrefix(line, "Fetched")
	if total || strings.HasPrefix(line, "Get:") && time.Since(p.last) > 3*time.Second {
		p.last = time.Now()
		p.log("%s", line)
	}
}

func (a *privateApt) archives(pattern string) []string {
	found, _ := filepath.Glob(filepath.Join(a.dir, "cache/archives", pattern)) // fails only for a bad pattern
	return found
}

// version reads the version of a downloaded package from its file name, without the epoch.
func (a *privateApt) version(name string) (string, error) {
	found := a.archives(name + "_*.deb")
	if len(found) != 1 {
		return "", fmt.Errorf("apt downloaded %d files of %s instead of one; remove %s and try again", len(found), name, a.dir)
	}
	version, err := url.PathUnescape(strings.Split(filepath.Base(found[0]), "_")[1])
	if err != nil {
		return "", fmt.Errorf("reading the version of %s: %w", found[0], err)
	}
	if _, after, ok := strings.Cut(version, ":"); ok {
		version = after
	}
	return version, nil
}

func (a *privateApt) unpack(ctx context.Context, root string) error {
	for _, archive := range a.archives("*.deb") {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", archive, root).CombinedOutput(); err != nil {
			return fmt.Errorf("unpacking %s: %w\n%s", filepath.Base(archive), err, bytes.TrimSpace(out))
		}
	}
	return nil
}
