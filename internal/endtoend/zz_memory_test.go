package endtoend

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"starferry/internal/testbed"
)

func TestZZMemory(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	binary := testbed.Binary(t)
	emu := exec.Command(binary, "emulator", "--discard", "--query-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--be-http-addr", "127.0.0.1:0")
	out, _ := emu.StdoutPipe()
	if err := emu.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { emu.Process.Kill(); emu.Wait() }()
	addr := map[string]string{}
	for s := bufio.NewScanner(out); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) > 1 {
			addr[f[0]] = f[1]
		}
		if s.Text() == "ready" {
			break
		}
	}
	fmt.Println(addr)
	m := testbed.MySQL(t, "--max-binlog-cache-size=4294967296")
	m.Exec(t, "CREATE DATABASE big", "USE big", "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(1100), n INT)",
		"CREATE USER 'f'@'%' IDENTIFIED BY 'p'", "GRANT ALL ON *.* TO 'f'@'%'")
	script := fmt.Sprintf(`%s
CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = '127.0.0.1', 'port' = '%d', 'username' = 'f', 'password' = 'p');
CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = '%s', 'username' = 'root', 'password' = '');
USE CATALOG sr;
CREATE TABLE IF NOT EXISTS big.t WITH ('starrocks.create.table.properties' = 'buckets 4', 'starrocks.create.table.mode' = 'simple', 'load-url' = '%s') AS TABLE mysql.big.t;
`, os.Getenv("ZZSET"), m.Port, addr["query"], addr["http"])
	exec.Command("mysql").Run()
	dir := t.TempDir()
	os.WriteFile(dir+"/s.sql", []byte(script), 0o600)
	sqlOut, err := exec.Command(binary, "sql", "--help").CombinedOutput()
	_ = sqlOut
	create := exec.Command(binary, "sql", "-e", "CREATE DATABASE big", "--help")
	_ = create
	db := openQuery(t, addr["query"])
	if _, err = db.Exec("CREATE DATABASE big"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "run", "s.sql")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), strings.Fields(os.Getenv("ZZENV"))...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	big := time.Now()
	m.Exec(t, "USE big", "INSERT INTO t SELECT a.d+b.d*10+c.d*100+d.d*1000+e.d*10000+f.d*100000+g.d*1000000, REPEAT('x', 1000), a.d FROM digits a, digits b, digits c, digits d, digits e, digits f, digits g WHERE g.d < 2")
	fmt.Println("written in", time.Since(big))
	for range 600 {
		time.Sleep(time.Second)
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		for _, l := range strings.Split(string(status), "\n") {
			if strings.HasPrefix(l, "VmHWM") || strings.HasPrefix(l, "VmRSS") {
				fmt.Print(l, "  ")
			}
		}
		fmt.Println(time.Since(big).Round(time.Second))
		if time.Since(big) > 20*time.Second {
			c := cpuOf(cmd.Process.Pid)
			time.Sleep(2 * time.Second)
			if cpuOf(cmd.Process.Pid)-c < 10 {
				break
			}
		}
	}
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
}

func cpuOf(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(string(b))
	var u, s int
	fmt.Sscan(f[13], &u)
	fmt.Sscan(f[14], &s)
	return u + s
}

func openQuery(t *testing.T, addr string) *sql.DB {
	login := mysql.NewConfig()
	login.User, login.Net, login.Addr = "root", "tcp", addr
	login.InterpolateParams = true
	c, err := mysql.NewConnector(login)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(c)
}
