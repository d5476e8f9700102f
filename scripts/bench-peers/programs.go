package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"starferry/internal/testbed"
)

const (
	// Flink's default configuration has a JobManager of 1600m and a TaskManager of 1728m, whose
	// heaps are 1024m and 512m; here both are in one process.
	flinkHeap = "-Xmx1536m"
	// The tutorials of Flink CDC have a checkpoint every 3 seconds; the sink loads with each.
	flinkCheckpoints = "3s"
	// Debezium's documentation names no heap for the engine; Kafka Connect's scripts, which
	// otherwise run it, have this one.
	debeziumHeap = "-Xms256m -Xmx2g"

	leastJDK = 17
)

// program is one of those that are measured. They are told everything in the same words,
// in the environment; see work.environment.
type program struct {
	Name       string `json:"name"`
	How        string `json:"how"`
	makesTable bool   // otherwise the table has to be there
	begin      func(w *work) (*testbed.Program, error)
}

// programs are starferry and its peers, ready to start.
func (b *bench) programs(ctx context.Context) ([]*program, error) {
	if _, err := os.Stat(b.binary); err != nil {
		return nil, fmt.Errorf("%s is missing: make build", b.binary)
	}
	java, err := b.compile(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := versionsOf(filepath.Join(b.java, "pom.xml"))
	if err != nil {
		return nil, err
	}
	all := []*program{{
		Name: "starferry", How: "one process, its defaults", makesTable: true,
		begin: b.beginStarferry,
	}}
	for _, parallelism := range []int{1, 2} {
		all = append(all, &program{
			Name: fmt.Sprintf("Flink CDC %s, parallelism %d", versions["flink-cdc.version"], parallelism),
			How: fmt.Sprintf("MySQL source and StarRocks sink of its pipelines in a local cluster of Flink %s, MySQL driver %s; one JVM with %s; a checkpoint every %s; at-least-once, the sink's defaults",
				versions["flink.version"], versions["mysql.version"], flinkHeap, flinkCheckpoints),
			makesTable: true,
			begin: func(w *work) (*testbed.Program, error) {
				return b.beginJava(w, java, "flinkcdc", "FlinkCdc", strings.Fields(flinkHeap), "PEER_PARALLELISM="+strconv.Itoa(parallelism), "PEER_CHECKPOINTS="+flinkCheckpoints)
			},
		})
	}
	all = append(all, &program{
		Name: "Debezium " + versions["debezium.version"],
		How:  "the embedded engine, one task as its connector has, with a sink of ours: a stream load as CSV for each batch of up to 20480 changes; one JVM with " + debeziumHeap,
		begin: func(w *work) (*testbed.Program, error) {
			return b.beginJava(w, java, "debezium", "Debezium", strings.Fields(debeziumHeap))
		},
	})
	var chosen []*program
	for i, p := range all {
		if i == 0 || strings.Contains(p.Name, b.pattern) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

// compile makes the peers' classes and answers with the program that runs them.
func (b *bench) compile(ctx context.Context) (java string, err error) {
	out, err := exec.CommandContext(ctx, "javac", "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("a JDK is missing (%w): install %d or later and put javac in PATH (Debian: apt-get install openjdk-17-jdk-headless)", err, leastJDK)
	}
	found := regexp.MustCompile(`javac (\d+)`).FindSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("javac -version says %q", out)
	}
	if release, err := strconv.Atoi(string(found[1])); err != nil || release < leastJDK {
		return "", fmt.Errorf("JDK %d or later is needed, javac is %s (Debian: apt-get install openjdk-17-jdk-headless)", leastJDK, found[1])
	}
	if java, err = exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("%w: put it in PATH as javac is", err)
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", fmt.Errorf("no Maven: install 3.6 or later and put mvn in PATH (Debian: apt-get install maven)")
	}
	say("compiling the peers (the first time, Maven downloads them: some 300 MB)")
	maven := exec.CommandContext(ctx, "mvn", "-q", "-B", "-ntp", "package")
	maven.Dir = b.java
	if out, err := maven.CombinedOutput(); err != nil {
		return "", fmt.Errorf("running Maven failed (%w); it needs its central repository, or a mirror, for the first run:\n%s", err, out)
	}
	return java, nil
}

// versionsOf reads the properties of a POM, so that what is printed is what runs.
func versionsOf(pom string) (map[string]string, error) {
	text, err := os.ReadFile(pom)
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, found := range regexp.MustCompile(`<([a-z-]+\.version)>([^<]+)</`).FindAllSubmatch(text, -1) {
		versions[string(found[1])] = string(found[2])
	}
	return versions, nil
}

func (b *bench) beginJava(w *work, java, module, class string, options []string, env ...string) (*testbed.Program, error) {
	at := filepath.Join(b.java, module, "target")
	path, err := os.ReadFile(filepath.Join(at, "classpath"))
	if err != nil {
		return nil, err
	}
	// Flink needs the packages opened; to Debezium it makes no difference.
	for _, opened := range []string{"java.lang", "java.util", "java.time", "java.nio"} {
		options = append(options, "--add-opens=java.base/"+opened+"=ALL-UNNAMED")
	}
	args := append(options, "-Dfile.encoding=UTF-8", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
		"-cp", filepath.Join(at, "classes")+":"+string(bytes.TrimSpace(path)), "starferry.peers."+class)
	return testbed.StartProgram(java, testbed.RunOptions{Args: args, Dir: w.dir, Env: append(w.environment(), env...)})
}

// environment is the task, as the Java programs read it.
func (w *work) environment() []string {
	return []string{
		"PEER_SOURCE_HOST=" + w.source.server.Host, "PEER_SOURCE_PORT=" + strconv.Itoa(w.source.server.Port),
		"PEER_SOURCE_USER=" + user, "PEER_SOURCE_PASSWORD=" + password,
		"PEER_DATABASE=" + database, "PEER_TABLE=" + w.set.name,
		"PEER_TARGET_QUERY=" + w.query, "PEER_TARGET_HTTP=" + w.http, "PEER_TARGET_BE_HTTP=" + w.backend,
		"PEER_STATE=" + w.dir,
	}
}

// beginStarferry gives the task as a script. TLS is off, as in the others.
func (b *bench) beginStarferry(w *work) (*testbed.Program, error) {
	script := fmt.Sprintf(`CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = '%s', 'port' = '%d', 'username' = '%s', 'password' = '%s', 'ssl-mode' = 'disabled');
CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = '%[5]s', 'dbname' = '%[7]s', 'username' = 'root', 'password' = '');
USE CATALOG sr;
CREATE TABLE IF NOT EXISTS %[8]s WITH ('starrocks.create.table.properties' = 'buckets 1', 'starrocks.create.table.mode' = 'simple', 'load-url' = '%[6]s')
AS TABLE mysql.%[7]s.%[8]s;
`, w.source.server.Host, w.source.server.Port, user, password, w.query, w.http, database, w.set.name)
	path := filepath.Join(w.dir, "peers.sql")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		return nil, err
	}
	return testbed.StartProgram(b.binary, testbed.RunOptions{Args: []string{"run", "--data-dir", filepath.Join(w.dir, "state"), path}, Dir: w.dir})
}
