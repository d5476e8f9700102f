package starferry.interop;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Runs the cases of one client, says of each whether it held, and reads tables back. */
public final class Judge {
    /** Addresses as host:port; the frontend's is the one that clients are given. */
    public final String query = need("INTEROP_QUERY");
    public final String http = need("INTEROP_HTTP");
    public final String user = "root";
    public final String password = "";

    private final String client;
    private int failed;
    private int held;

    public Judge(String client) {
        this.client = client;
    }

    /** A case: whatever it throws is a failure. */
    public interface Case {
        void run() throws Exception;
    }

    public void check(String what, Case c) {
        long start = System.nanoTime();
        try {
            c.run();
            held++;
            System.out.printf("ok   %s: %s (%.1f s)%n", client, what, (System.nanoTime() - start) / 1e9);
        } catch (Throwable t) {
            failed++;
            System.out.printf("FAIL %s: %s: %s%n", client, what, causes(t));
            if (System.getenv("INTEROP_TRACE") != null) {
                t.printStackTrace(System.out);
            }
        }
    }

    /** Ends the program, with 1 if a case failed or there was none. */
    public void end() {
        System.out.printf("%s: %d held, %d failed%n", client, held, failed);
        System.out.flush();
        // Not a return: clients leave threads behind that are no daemons.
        System.exit(failed > 0 || held == 0 ? 1 : 0);
    }

    /** A URL for "", a database, or a database with settings; without TLS, of which some drivers warn. */
    public String url(String settings) {
        return "jdbc:mysql://" + query + "/" + settings + (settings.contains("?") ? "&" : "?") + "useSSL=false";
    }

    public Connection connect(String settings) throws SQLException {
        return DriverManager.getConnection(url(settings), user, password);
    }

    public void run(String... statements) throws SQLException {
        try (Connection c = connect(""); Statement s = c.createStatement()) {
            for (String statement : statements) {
                s.execute(statement);
            }
        }
    }

    /** The rows of a query as text, columns joined by |, NULL written so. */
    public List<String> rows(String sql) throws SQLException {
        try (Connection c = connect(""); Statement s = c.createStatement(); ResultSet r = s.executeQuery(sql)) {
            return text(r);
        }
    }

    public static List<String> text(ResultSet r) throws SQLException {
        ResultSetMetaData columns = r.getMetaData();
        List<String> rows = new ArrayList<>();
        while (r.next()) {
            List<String> values = new ArrayList<>();
            for (int i = 1; i <= columns.getColumnCount(); i++) {
                String value = r.getString(i);
                values.add(value == null ? "NULL" : value);
            }
            rows.add(String.join("|", values));
        }
        return rows;
    }

    public void expect(String sql, String... rows) throws SQLException {
        same(sql, List.of(rows), rows(sql));
    }

    public static void same(String what, Object want, Object got) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError(what + " is " + got + ", not " + want);
        }
    }

    /** Fails unless the case throws and one of its causes has the text. */
    public static void refused(String text, Case c) {
        try {
            c.run();
        } catch (Throwable t) {
            if (causes(t).contains(text)) {
                return;
            }
            throw new AssertionError("refused, but not with \"" + text + "\": " + causes(t), t);
        }
        throw new AssertionError("not refused, expected \"" + text + "\"");
    }

    private static String causes(Throwable t) {
        StringBuilder all = new StringBuilder();
        for (Throwable c = t; c != null; c = c.getCause()) {
            all.append(all.length() == 0 ? "" : " <- ").append(c.getClass().getSimpleName()).append(": ").append(c.getMessage());
        }
        return all.toString().replace('\n', ' ');
    }

    private static String need(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set: use scripts/interop/run");
        }
        return value;
    }
}
