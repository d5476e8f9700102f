package mysql

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql/cells"
	"starferry/internal/testbed"
)

// restricted makes a user with these grants and gives a configuration that uses it.
func restricted(t *testing.T, server *testbed.Server, grants ...string) Config {
	t.Helper()
	c := config(server)
	c.User = fmt.Sprintf("u%d", c.ServerID)
	c.Password = diag.NewSecret("pass-w'ord")
	host := "%"
	if server.Flavor == testbed.MariaDBFlavor {
		host = "127.0.0.1" // an anonymous user of localhost must not come first
	}
	server.Exec(t, fmt.Sprintf("CREATE USER %s@'%s' IDENTIFIED BY 'pass-w''ord'", c.User, host))
	t.Cleanup(func() { server.DB().Exec(fmt.Sprintf("DROP USER %s@'%s'", c.User, host)) })
	for _, grant := range grants {
		server.Exec(t, fmt.Sprintf("GRANT %s TO %s@'%s'", grant, c.User, host))
	}
	return c
}

func TestMissingGrants(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY)", "CREATE TABLE "+db+".other (id INT PRIMARY KEY)")
		names := []change.Name{{Database: db, Table: "t"}}
		c := restricted(t, server, "SELECT ON "+db+".other")
		s, err := Connect(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		err = s.Check(t.Context(), names)
		several, ok := err.(diag.Problems)
		if !ok || len(several) != 3 {
			t.Fatalf("not all of them: %v", err)
		}
		var fixes []string
		for _, one := range several {
			wantProblem(t, one, codeGrant, diag.Refused, "lacks", c.User)
			fixes = append(fixes, diag.Find(one).Fix)
			if strings.Contains(fmt.Sprint(one), "pass-w") {
				t.Error("the password is shown")
			}
		}
		// Each statement must be what fixes it.
		server.Exec(t, fixes...)
		again, err := Connect(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if err := again.Check(t.Context(), names); err != nil {
			t.Errorf("after %v: %v", fixes, err)
		}
		stream := open(t, again, start(t, again), nil, names...)
		for next(t, stream).Kind != change.Joined {
		}
		if _, err := again.ReadPage(t.Context(), pageRequest(describe(t, again, db, "t"), change.Position{})); err != nil {
			t.Error(err)
		}
	})
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code diag.Code
		word string
	}{
		{[]string{"--skip-log-bin"}, codeLogOff, "log_bin"},
		{[]string{"--binlog-row-image=MINIMAL"}, codeRowImage, "SET GLOBAL binlog_row_image = FULL"},
		{[]string{"--binlog-row-value-options=PARTIAL_JSON"}, codeRowOptions, "binlog_row_value_options"},
		{[]string{"--binlog-format=MIXED"}, codeLogFormat, "SET GLOBAL binlog_format = ROW"},
		{[]string{"--binlog-ignore-db=hidden"}, codeLogFilter, "binlog_ignore_db"},
	} {
		server := testbed.MySQL(t, c.args...)
		server.Exec(t, "CREATE DATABASE hidden", "CREATE TABLE hidden.t (id INT PRIMARY KEY)")
		s := connect(t, server)
		err := s.Check(t.Context(), []change.Name{{Database: "hidden", Table: "t"}})
		wantProblem(t, err, c.code, diag.Refused, c.word)
		if c.code == codeLogOff {
			_, err := s.Start(t.Context())
			if p := diag.Find(err); p == nil {
				t.Errorf("Start without a log: %v", err)
			}
		}
	}
}

func TestNoConnection(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t)
	c := config(server)
	c.Password = diag.NewSecret("wrong secret")
	_, err := Connect(t.Context(), c)
	wantProblem(t, err, codeLogin, diag.Unusable, "root")
	if strings.Contains(err.Error(), "wrong secret") {
		t.Error("the password is shown")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	_, err = Connect(t.Context(), c)
	wantProblem(t, err, codeUnreachable, diag.Unusable, fmt.Sprint(c.Port))
	c = config(server)
	c.TLS = "verify-identity"
	_, err = Connect(t.Context(), c)
	wantProblem(t, err, codeTLS, diag.Unusable, "verify-identity")
	for _, mode := range []string{"required", "preferred", "disabled"} {
		c = restricted(t, server, "ALL ON *.*")
		c.TLS = mode
		s, err := Connect(t.Context(), c)
		if err != nil {
			t.Errorf("TLS %s: %v", mode, err)
			continue
		}
		stream, err := stepping(s.Open(t.Context(), start(t, s), ferry.Follow{}))
		if err != nil {
			t.Errorf("TLS %s: %v", mode, err)
			continue
		}
		next(t, stream)
		stream.Close()
		if s.Server().Encrypted != (mode != "disabled") {
			t.Errorf("TLS %s: encrypted is %v", mode, s.Server().Encrypted)
		}
		s.Close()
	}
}

func TestTablesThatCannotBeFollowed(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db, "CREATE TABLE orders (id INT)", "CREATE VIEW v AS SELECT 1", "CREATE TABLE g (g DOUBLE PRIMARY KEY)",
			"CREATE TABLE p (id VARCHAR(50), PRIMARY KEY (id(5)))", "CREATE TABLE ok (id INT PRIMARY KEY)")
		s := connect(t, server)
		var names []change.Name
		for _, table := range []string{"ordres", "orders", "v", "g", "p", "ok"} {
			names = append(names, change.Name{Database: db, Table: table})
		}
		names = append(names, change.Name{Database: "nowhere", Table: "t"})
		_, err := s.Describe(t.Context(), names)
		several, ok := err.(diag.Problems)
		if !ok || len(several) != 6 {
			t.Fatalf("%v", err)
		}
		wantProblem(t, several[0], codeNoTable, diag.Refused, "did you mean 'orders'?")
		wantProblem(t, several[1], codeNoKey, diag.Refused, db+".orders", "ADD PRIMARY KEY")
		wantProblem(t, several[2], codeNotBase, diag.Refused, "view")
		wantProblem(t, several[3], diag.Find(several[3]).Code, diag.Refused, db+".g", "`g`")
		wantProblem(t, several[4], codeNoKey, diag.Refused, "first 5 characters")
		wantProblem(t, several[5], codeNoDatabase, diag.Refused, "nowhere")
	})
}

// Types whose name says nothing of their form in the log are refused before a start.
func TestTypesWithAnotherFormInTheLog(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t)
	db := server.Database(t)
	server.Exec(t, "USE "+db, "CREATE TABLE packed (id INT PRIMARY KEY, v VARCHAR(100) COMPRESSED, b BLOB COMPRESSED)", "CREATE TABLE u (id UUID PRIMARY KEY)")
	s := connect(t, server)
	_, err := s.Describe(t.Context(), []change.Name{{Database: db, Table: "packed"}})
	wantProblem(t, err, cells.CodeUnsupportedType, diag.Refused, db+".packed", "`v`", "COMPRESSED")
	if _, err := s.Describe(t.Context(), []change.Name{{Database: db, Table: "u"}}); err != nil {
		t.Error(err)
	}
	for version, swaps := range map[[3]int]bool{{10, 7, 1}: true, {10, 11, 4}: true, {10, 11, 5}: false, {11, 0, 2}: true, {11, 0, 3}: false, {11, 1, 1}: true, {11, 1, 2}: false, {11, 4, 1}: false} {
		s.server.Major, s.server.Minor, s.server.Patch = version[0], version[1], version[2]
		if s.swapsUUIDs() != swaps {
			t.Errorf("%v: %t", version, !swaps)
		}
	}
	s.server.Major, s.server.Minor, s.server.Patch = 10, 11, 4
	_, err = s.Describe(t.Context(), []change.Name{{Database: db, Table: "u"}})
	wantProblem(t, err, cells.CodeUnsupportedType, diag.Refused, db+".u", "`id`", "10.11.5", "FORCE")
}

func TestLogThatIsGone(t *testing.T) {
	t.Parallel()
	for _, server := range []*testbed.Server{
		testbed.MySQL(t, "--gtid-mode=ON", "--enforce-gtid-consistency=ON"), testbed.MySQL(t, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"), testbed.MariaDB(t, "--log-bin=other-bin")} {
		s := connect(t, server)
		from := start(t, s)
		server.Exec(t, "CREATE DATABASE x", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
		end, err := s.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		later := start(t, s)
		// MariaDB keeps a file until its last transactions are durable in the engine.
		for first := ""; first != end.File; {
			server.Exec(t, "PURGE BINARY LOGS TO '"+end.File+"'")
			if _, first, _, err = s.findFile(t.Context(), ""); err != nil || t.Context().Err() != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s: %v, then %v", server.Flavor, from, end)
		_, err = s.Open(t.Context(), from, ferry.Follow{})
		wantProblem(t, err, codePurged, diag.Refused, "empty data directory")
		if later.GTIDs != "" {
			continue // waits a minute for what is missing
		}
		later.Offset += 1000
		_, err = s.Open(t.Context(), later, ferry.Follow{})
		wantProblem(t, err, codeBeyond, diag.Refused, later.File)
		later.File = "other-bin.999999"
		_, err = s.Open(t.Context(), later, ferry.Follow{})
		wantProblem(t, err, codeBeyond, diag.Refused, later.File)
	}
}

func TestLostConnectionIsTransient(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t, "--gtid-mode=ON", "--enforce-gtid-consistency=ON")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY)")
	s := connect(t, server)
	from := start(t, s)
	table := describe(t, s, "x", "t")
	stream := open(t, s, from, nil, table.Name)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if p := failure(t, stream); p.Class != diag.Transient {
		t.Errorf("the stream: %v", p)
	}
	_, err := s.ReadPage(t.Context(), pageRequest(table, change.Position{}))
	wantProblem(t, err, diag.Find(err).Code, diag.Transient)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = s.Open(ctx, from, ferry.Follow{})
	wantProblem(t, err, diag.Find(err).Code, diag.Transient)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	server.Exec(t, "INSERT INTO x.t VALUES (1)")
	again := open(t, s, from, []*change.Table{table})
	compare(t, script(until(t, s, again)), []string{"insert t 1", "commit"})
}
