package starferry.interop;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;

/** A JDBC program with MySQL's driver: what it shows of tables, and what it reads and writes. */
public final class Jdbc {
    private static final String DB = "interop_jdbc";
    private static final Judge judge = new Judge("JDBC");

    public static void main(String[] args) throws Exception {
        judge.check("connecting, version, ping, database", Jdbc::connecting);
        judge.check("CREATE DATABASE and TABLE", Jdbc::create);
        judge.check("getCatalogs, getTables from SHOW", Jdbc::tables);
        judge.check("getColumns from SHOW FULL COLUMNS", () -> columns(false));
        judge.check("getColumns from information_schema", () -> columns(true));
        judge.check("getPrimaryKeys from SHOW: none; information_schema has them", Jdbc::keys);
        judge.check("INSERT by Statement, update count", Jdbc::insert);
        judge.check("INSERT by PreparedStatement of the client, every type", Jdbc::insertPrepared);
        judge.check("batch, one statement a row", () -> batch(false));
        judge.check("batch, rewritten to one statement", () -> batch(true));
        for (boolean server : new boolean[] {false, true}) {
            String how = server ? " prepared by the server" : " prepared by the client";
            judge.check("SELECT" + how, () -> select(server));
            judge.check("SELECT" + how + ", executed 200 times", () -> repeated(server));
        }
        judge.check("INSERT prepared by the server is refused", Jdbc::insertServer);
        judge.check("metadata of a result", Jdbc::resultMetadata);
        judge.check("a result read row by row", Jdbc::streamed);
        judge.check("error codes", Jdbc::errors);
        judge.check("a wrong password is refused", () -> Judge.refused("Access denied",
            () -> java.sql.DriverManager.getConnection(judge.url(""), judge.user, "wrong").close()));
        judge.end();
    }

    private static void connecting() throws Exception {
        try (Connection c = judge.connect("")) {
            DatabaseMetaData m = c.getMetaData();
            Judge.same("isValid", true, c.isValid(5));
            Judge.same("product version", "8.0.33", m.getDatabaseProductVersion());
            Judge.same("autocommit", true, c.getAutoCommit());
            c.setCatalog("information_schema");
            Judge.same("catalog", "information_schema", c.getCatalog());
        }
    }

    private static void create() throws Exception {
        judge.run("DROP DATABASE IF EXISTS " + DB, "CREATE DATABASE " + DB,
            "CREATE TABLE " + DB + ".types (id BIGINT NOT NULL, part INT NOT NULL COMMENT 'half a key', b BOOLEAN, t TINYINT,"
                + " l LARGEINT, f DOUBLE, d DECIMAL(20,4), dt DATE, ts DATETIME, s VARCHAR(100) NOT NULL DEFAULT 'x', j JSON)"
                + " PRIMARY KEY (id, part) DISTRIBUTED BY HASH (id) PROPERTIES ('replication_num' = '1')",
            "CREATE TABLE " + DB + ".names (id BIGINT NOT NULL, name VARCHAR(50)) PRIMARY KEY (id)"
                + " DISTRIBUTED BY HASH (id) PROPERTIES ('replication_num' = '1')");
    }

    private static List<String> strings(ResultSet r, String... columns) throws SQLException {
        List<String> rows = new ArrayList<>();
        while (r.next()) {
            List<String> values = new ArrayList<>();
            for (String column : columns) {
                values.add(r.getString(column));
            }
            rows.add(String.join("|", values));
        }
        return rows;
    }

    /** With a server that says 8.0 the driver reads information_schema, unless told not to. */
    private static final String SHOW = DB + "?useInformationSchema=false";

    private static void tables() throws Exception {
        try (Connection c = judge.connect(SHOW)) {
            DatabaseMetaData m = c.getMetaData();
            Judge.same("the catalog is listed", true, strings(m.getCatalogs(), "TABLE_CAT").contains(DB));
            Judge.same("getTables", List.of("names|TABLE", "types|TABLE"),
                strings(m.getTables(DB, null, "%", new String[] {"TABLE"}), "TABLE_NAME", "TABLE_TYPE"));
            Judge.same("getTables by pattern", List.of("types"), strings(m.getTables(DB, null, "ty%", null), "TABLE_NAME"));
        }
    }

    /** SHOW writes boolean and largeint(40), information_schema tinyint(1) and bigint unsigned, and the driver goes by that. */
    private static void columns(boolean schema) throws Exception {
        try (Connection c = judge.connect(DB + "?useInformationSchema=" + schema)) {
            List<String> got = strings(c.getMetaData().getColumns(DB, null, "types", "%"),
                "ORDINAL_POSITION", "COLUMN_NAME", "DATA_TYPE", "IS_NULLABLE");
            List<String> want = new ArrayList<>();
            Object[][] all = {{"id", Types.BIGINT, "NO"}, {"part", Types.INTEGER, "NO"}, {"b", schema ? Types.BIT : Types.BOOLEAN, "YES"},
                {"t", Types.TINYINT, "YES"}, {"l", schema ? Types.BIGINT : Types.INTEGER, "YES"}, {"f", Types.DOUBLE, "YES"}, {"d", Types.DECIMAL, "YES"},
                {"dt", Types.DATE, "YES"}, {"ts", Types.TIMESTAMP, "YES"}, {"s", Types.VARCHAR, "NO"}, {"j", Types.LONGVARCHAR, "YES"}};
            for (int i = 0; i < all.length; i++) {
                want.add(i + 1 + "|" + all[i][0] + "|" + all[i][1] + "|" + all[i][2]);
            }
            Judge.same("getColumns", want, got);
        }
    }

    /** The driver asks SHOW KEYS, which in StarRocks lists secondary indexes only. */
    private static void keys() throws Exception {
        try (Connection c = judge.connect(SHOW)) {
            Judge.same("getPrimaryKeys", List.of(), strings(c.getMetaData().getPrimaryKeys(DB, null, "types"), "COLUMN_NAME"));
        }
        judge.expect("SELECT COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = '" + DB
            + "' AND TABLE_NAME = 'types' AND COLUMN_KEY = 'PRI' ORDER BY ORDINAL_POSITION", "id", "part");
    }

    private static void insert() throws Exception {
        try (Connection c = judge.connect(DB); Statement s = c.createStatement()) {
            Judge.same("update count", 2, s.executeUpdate("INSERT INTO names VALUES (1, 'Grüße'), (2, NULL)"));
            Judge.same("update count of a key again", 1, s.executeUpdate("INSERT INTO names VALUES (2, '世界 🎉')"));
        }
        judge.expect("SELECT * FROM " + DB + ".names ORDER BY id", "1|Grüße", "2|世界 🎉");
    }

    private static void insertPrepared() throws Exception {
        try (Connection c = judge.connect(DB);
             PreparedStatement p = c.prepareStatement("INSERT INTO types VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            p.setLong(1, Long.MIN_VALUE);
            p.setInt(2, 7);
            p.setBoolean(3, true);
            p.setByte(4, (byte) -128);
            p.setBigDecimal(5, new BigDecimal("170141183460469231731687303715884105727"));
            p.setDouble(6, 1e-300);
            p.setBigDecimal(7, new BigDecimal("-1234567890123456.7891"));
            p.setObject(8, LocalDate.of(2024, 2, 29));
            p.setObject(9, LocalDateTime.of(2024, 2, 29, 23, 59, 59, 123_456_000));
            p.setString(10, "it's \"a\\b\" \n 世界");
            p.setString(11, "{\"k\": [1, null]}");
            Judge.same("update count", 1, p.executeUpdate());
            p.setLong(1, 1);
            for (int i = 3; i <= 11; i++) {
                p.setNull(i, Types.VARCHAR);
            }
            p.setString(10, "");
            p.executeUpdate();
        }
        judge.expect("SELECT id, part, b, t, l, f, d, dt, CAST(ts AS VARCHAR), s, j FROM " + DB + ".types ORDER BY id",
            Long.MIN_VALUE + "|7|1|-128|170141183460469231731687303715884105727|1.0E-300|-1234567890123456.7891|2024-02-29"
                + "|2024-02-29 23:59:59.123456|it's \"a\\b\" \n 世界|{\"k\": [1, null]}",
            "1|7" + "|NULL".repeat(7) + "||NULL");
    }

    private static void batch(boolean rewritten) throws Exception {
        judge.run("TRUNCATE TABLE " + DB + ".names");
        int rows = rewritten ? 5000 : 50;
        try (Connection c = judge.connect(DB + "?rewriteBatchedStatements=" + rewritten);
             PreparedStatement p = c.prepareStatement("INSERT INTO names (id, name) VALUES (?, ?)")) {
            for (int i = 0; i < rows; i++) {
                p.setInt(1, i);
                p.setString(2, "name " + i);
                p.addBatch();
            }
            Judge.same("counts", rows, p.executeBatch().length);
        }
        judge.expect("SELECT count(*), count(DISTINCT name), max(id) FROM " + DB + ".names", rows + "|" + rows + "|" + (rows - 1));
    }

    private static String prepared(boolean server) {
        return DB + "?useServerPrepStmts=" + server + "&cachePrepStmts=" + server;
    }

    private static void select(boolean server) throws Exception {
        try (Connection c = judge.connect(prepared(server));
             PreparedStatement p = c.prepareStatement("SELECT * FROM types WHERE part = ? AND s <> ? AND id < ?")) {
            p.setInt(1, 7);
            p.setString(2, "no such");
            p.setLong(3, 0);
            try (ResultSet r = p.executeQuery()) {
                Judge.same("a row", true, r.next());
                Judge.same("id", Long.MIN_VALUE, r.getLong("id"));
                Judge.same("b", true, r.getBoolean("b"));
                Judge.same("t", -128, r.getInt("t"));
                Judge.same("l", new BigDecimal("170141183460469231731687303715884105727"), r.getBigDecimal("l"));
                Judge.same("f", 1e-300, r.getDouble("f"));
                Judge.same("d", new BigDecimal("-1234567890123456.7891"), r.getBigDecimal("d"));
                Judge.same("dt", Date.valueOf("2024-02-29"), r.getDate("dt"));
                Judge.same("ts", Timestamp.valueOf("2024-02-29 23:59:59.123456"), r.getTimestamp("ts"));
                Judge.same("ts as an object", LocalDateTime.of(2024, 2, 29, 23, 59, 59, 123_456_000), r.getObject("ts", LocalDateTime.class));
                Judge.same("s", "it's \"a\\b\" \n 世界", r.getString("s"));
                Judge.same("j", "{\"k\": [1, null]}", r.getString("j"));
                Judge.same("another row", false, r.next());
            }
            p.setLong(3, 2);
            p.setString(2, "it's \"a\\b\" \n 世界");
            try (ResultSet r = p.executeQuery()) {
                Judge.same("a row of NULL", true, r.next());
                Judge.same("d", null, r.getBigDecimal("d"));
                Judge.same("ts", null, r.getTimestamp("ts"));
                Judge.same("t", 0, r.getInt("t"));
                Judge.same("wasNull", true, r.wasNull());
                Judge.same("s", "", r.getString("s"));
            }
        }
    }

    private static void repeated(boolean server) throws Exception {
        try (Connection c = judge.connect(prepared(server))) {
            for (int i = 0; i < 200; i++) {
                try (PreparedStatement p = c.prepareStatement("SELECT name FROM names WHERE id = ?")) {
                    p.setInt(1, i);
                    try (ResultSet r = p.executeQuery()) {
                        Judge.same("name", List.of("name " + i), Judge.text(r));
                    }
                }
            }
        }
    }

    /** The driver then sends it as text, so the refusal shows only with emulateUnsupportedPstmts=false. */
    private static void insertServer() throws Exception {
        try (Connection c = judge.connect(prepared(true) + "&emulateUnsupportedPstmts=false")) {
            Judge.refused("This command is not supported in the prepared statement protocol yet",
                () -> c.prepareStatement("INSERT INTO names VALUES (?, ?)").close());
        }
        try (Connection c = judge.connect(prepared(true));
             PreparedStatement p = c.prepareStatement("INSERT INTO names VALUES (?, ?)")) {
            p.setInt(1, 70_000);
            p.setString(2, "by text");
            Judge.same("update count", 1, p.executeUpdate());
        }
        judge.expect("SELECT name FROM " + DB + ".names WHERE id = 70000", "by text");
    }

    private static void resultMetadata() throws Exception {
        try (Connection c = judge.connect(DB); Statement s = c.createStatement();
             ResultSet r = s.executeQuery("SELECT id, d, ts, s AS words, count(*) AS n FROM types GROUP BY id, d, ts, s")) {
            ResultSetMetaData m = r.getMetaData();
            List<String> got = new ArrayList<>();
            for (int i = 1; i <= m.getColumnCount(); i++) {
                got.add(m.getColumnLabel(i) + " " + m.getColumnType(i));
            }
            Judge.same("columns", List.of("id " + Types.BIGINT, "d " + Types.DECIMAL, "ts " + Types.TIMESTAMP,
                "words " + Types.VARCHAR, "n " + Types.BIGINT), got);
            Judge.same("scale of d", 4, m.getScale(2));
        }
    }

    private static void streamed() throws Exception {
        try (Connection c = judge.connect(DB); Statement s = c.createStatement()) {
            s.setFetchSize(Integer.MIN_VALUE);
            int n = 0;
            try (ResultSet r = s.executeQuery("SELECT id FROM names ORDER BY id LIMIT 5000")) {
                while (r.next()) {
                    Judge.same("id", n++, r.getInt(1));
                }
            }
            Judge.same("rows", 5000, n);
        }
    }

    private static void errors() throws Exception {
        try (Connection c = judge.connect(DB); Statement s = c.createStatement()) {
            Object[][] cases = {{"SELECT * FROM nowhere", 5502, "42602"}, {"USE nowhere", 5501, "3F000"},
                {"SELEKT 1", 1064, null}, {"CREATE DATABASE " + DB, 1007, null}, {"SELECT nothing FROM names", 1064, null},
                {"CREATE TABLE names (id INT NOT NULL) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) PROPERTIES ('replication_num'='1')",
                    1050, "42S01"}};
            for (Object[] one : cases) {
                try {
                    s.execute((String) one[0]);
                } catch (SQLException e) {
                    Judge.same("code of " + one[0], one[1], e.getErrorCode());
                    if (one[2] != null) {
                        Judge.same("state of " + one[0], one[2], e.getSQLState());
                    }
                    continue;
                }
                throw new AssertionError("not refused: " + one[0]);
            }
            Judge.same("the connection still works", true, s.execute("SELECT 1"));
        }
    }
}
