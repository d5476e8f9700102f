package starferry.interop;

import com.starrocks.data.load.stream.StreamLoadDataFormat;
import com.starrocks.data.load.stream.StreamLoadManager;
import com.starrocks.data.load.stream.StreamLoadSnapshot;
import com.starrocks.data.load.stream.properties.StreamLoadProperties;
import com.starrocks.data.load.stream.properties.StreamLoadTableProperties;
import com.starrocks.data.load.stream.v2.StreamLoadManagerV2;

/**
 * The stream load SDK writes tables; they are read back over JDBC. Its older manager,
 * DefaultStreamLoadManager, is no judge: in this version it throws before it sends anything.
 */
public final class StreamLoadSdk {
    private static final String DB = "interop_sdk";
    private static final Judge judge = new Judge("stream load SDK");

    public static void main(String[] args) throws Exception {
        judge.run("DROP DATABASE IF EXISTS " + DB, "CREATE DATABASE " + DB);
        for (boolean transaction : new boolean[] {false, true}) {
            String way = transaction ? "transaction stream load" : "plain stream load";
            judge.check(way + ", CSV", () -> everyType(transaction, false));
            judge.check(way + ", JSON", () -> everyType(transaction, true));
            judge.check(way + ", CSV with upserts and deletes", () -> changes(transaction, false));
            judge.check(way + ", JSON with upserts and deletes", () -> changes(transaction, true));
            judge.check(way + ", 50000 rows in many chunks", () -> manyChunks(transaction));
            judge.check(way + ", two tables of one manager", () -> twoTables(transaction));
            judge.check(way + ", a bad row is refused with the row's text", () -> badRow(transaction));
            judge.check(way + ", partial update", () -> partialUpdate(transaction));
        }
        judge.check("plain stream load, JSON compressed with LZ4", StreamLoadSdk::compressed);
        judge.check("two phases: prepared rows stay hidden until commit", StreamLoadSdk::twoPhases);
        judge.check("two phases: aborted rows never appear", StreamLoadSdk::aborted);
        judge.check("delimiters of several bytes, in hex", () -> delimiters("\2\3", "\\x01", "\\x0203"));
        judge.check("delimiters of several bytes, as they are", () -> delimiters("^^", "|@|", "^^"));
        judge.check("an unknown table is refused", () -> Judge.refused("no_such_table",
            () -> write(false, table("no_such_table", false).build(), "1\tx")));
        judge.check("a wrong password is refused", StreamLoadSdk::wrongPassword);
        judge.end();
    }

    private static StreamLoadTableProperties.Builder table(String name, boolean json) {
        return StreamLoadTableProperties.builder().database(DB).table(name).chunkLimit(1 << 20)
            .streamLoadDataFormat(json ? StreamLoadDataFormat.JSON : StreamLoadDataFormat.CSV)
            .addProperty("strict_mode", "true")
            .addProperty("format", json ? "json" : "csv");
    }

    private static StreamLoadProperties.Builder settings(StreamLoadTableProperties table) {
        StreamLoadProperties.Builder b = StreamLoadProperties.builder()
            .jdbcUrl(judge.url("")).loadUrls(judge.http).username(judge.user).password(judge.password)
            .version("3.5.0").labelPrefix("sdk-").connectTimeout(5000).waitForContinueTimeoutMs(5000)
            .defaultTableProperties(table);
        if ("json".equals(table.getProperties().get("format"))) {
            b.addHeader("strip_outer_array", "true").addHeader("ignore_json_size", "true");
        }
        return b;
    }

    private static void write(boolean transaction, StreamLoadTableProperties table, String... rows) {
        StreamLoadProperties.Builder b = settings(table);
        write(new StreamLoadManagerV2((transaction ? b.enableTransaction() : b).build(), true), table, rows);
    }

    private static void write(StreamLoadManager m, StreamLoadTableProperties table, String... rows) {
        m.init();
        try {
            m.write(null, table.getDatabase(), table.getTable(), rows);
            m.flush();
        } finally {
            m.close();
        }
    }

    /** Makes an empty table and returns its name with the database. */
    private static String create(String name, String columns) throws Exception {
        String full = DB + "." + name;
        judge.run("DROP TABLE IF EXISTS " + full, "CREATE TABLE " + full + " (id BIGINT NOT NULL, " + columns
            + ") PRIMARY KEY (id) DISTRIBUTED BY HASH (id) PROPERTIES (\"replication_num\" = \"1\")");
        return full;
    }

    private static void everyType(boolean transaction, boolean json) throws Exception {
        String t = create("types", "b BOOLEAN, i INT, l LARGEINT, f DOUBLE, d DECIMAL(38,10), dt DATE, ts DATETIME,"
            + " s VARCHAR(100), j JSON");
        String large = "170141183460469231731687303715884105727";
        if (json) {
            write(transaction, table("types", true).build(),
                "{\"id\":1,\"b\":true,\"i\":-5,\"l\":" + large + ",\"f\":1.5,\"d\":1234567890123456789012345678.0123456789,"
                    + "\"dt\":\"2024-02-29\",\"ts\":\"2024-02-29 23:59:59.123456\",\"s\":\"Grüße, 世界 \\\"🎉\\\"\\n2\",\"j\":{\"k\":[1,null]}}",
                "{\"id\":2}");
        } else {
            write(transaction, table("types", false).build(),
                "1\ttrue\t-5\t" + large + "\t1.5\t1234567890123456789012345678.0123456789\t2024-02-29\t2024-02-29 23:59:59.123456"
                    + "\tGrüße, 世界 \"🎉\"\r2\t{\"k\":[1,null]}",
                "2\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N");
        }
        judge.expect("SELECT id, b, i, l, f, d, dt, CAST(ts AS VARCHAR), s, j FROM " + t + " ORDER BY id",
            "1|1|-5|" + large + "|1.5|1234567890123456789012345678.0123456789|2024-02-29|2024-02-29 23:59:59.123456|Grüße, 世界 \"🎉\""
                + (json ? "\n" : "\r") + "2|{\"k\": [1, null]}",
            "2" + "|NULL".repeat(9));
    }

    private static void changes(boolean transaction, boolean json) throws Exception {
        String t = create("changes", "name VARCHAR(20)");
        if (json) {
            StreamLoadTableProperties p = table("changes", true).build();
            write(transaction, p, "{\"id\":1,\"name\":\"a\",\"__op\":0}", "{\"id\":2,\"name\":\"b\",\"__op\":0}",
                "{\"id\":3,\"name\":\"c\",\"__op\":0}");
            write(transaction, p, "{\"id\":1,\"name\":\"A\",\"__op\":0}", "{\"id\":2,\"name\":\"b\",\"__op\":1}",
                "{\"id\":3,\"name\":\"c\",\"__op\":1}", "{\"id\":3,\"name\":\"C\",\"__op\":0}");
        } else {
            StreamLoadTableProperties p = table("changes", false).columns("id,name,__op").build();
            write(transaction, p, "1\ta\t0", "2\tb\t0", "3\tc\t0");
            write(transaction, p, "1\tA\t0", "2\tb\t1", "3\tc\t1", "3\tC\t0");
        }
        judge.expect("SELECT * FROM " + t + " ORDER BY id", "1|A", "3|C");
    }

    private static void manyChunks(boolean transaction) throws Exception {
        String t = create("many", "name VARCHAR(40)");
        String[] rows = new String[50_000];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = i + "\tname of row " + i;
        }
        write(transaction, table("many", false).chunkLimit(64 * 1024).build(), rows);
        judge.expect("SELECT count(*), sum(id), min(id), max(id) FROM " + t, "50000|1249975000|0|49999");
        judge.expect("SELECT name FROM " + t + " WHERE id = 49999", "name of row 49999");
    }

    private static void twoTables(boolean transaction) throws Exception {
        String one = create("one", "name VARCHAR(20)");
        String two = create("two", "name VARCHAR(20)");
        StreamLoadTableProperties p = table("one", false).build();
        StreamLoadProperties.Builder b = settings(p).addTableProperties(table("two", false).build());
        StreamLoadManager m = new StreamLoadManagerV2((transaction ? b.enableTransaction() : b).build(), true);
        m.init();
        try {
            m.write(null, DB, "one", "1\tone");
            m.write(null, DB, "two", "2\ttwo", "3\ttwo");
            m.flush();
            m.write(null, DB, "one", "4\tone");
            m.flush();
        } finally {
            m.close();
        }
        judge.expect("SELECT * FROM " + one + " ORDER BY id", "1|one", "4|one");
        judge.expect("SELECT * FROM " + two + " ORDER BY id", "2|two", "3|two");
    }

    private static void badRow(boolean transaction) throws Exception {
        String t = create("bad", "n INT");
        // The SDK fetches the error URL and puts what is there into its exception.
        Judge.refused("too many filtered rows",
            () -> write(transaction, table("bad", false).build(), "1\t1", "2\tnot-a-number"));
        Judge.refused("not-a-number",
            () -> write(transaction, table("bad", false).build(), "1\t1", "2\tnot-a-number"));
        judge.expect("SELECT count(*) FROM " + t, "0");
    }

    private static void partialUpdate(boolean transaction) throws Exception {
        String t = create("part", "a VARCHAR(10), b VARCHAR(10)");
        write(transaction, table("part", false).build(), "1\ta1\tb1", "2\ta2\tb2");
        write(transaction, table("part", false).columns("id,b").addProperty("partial_update", "true").build(), "2\tB2");
        judge.expect("SELECT * FROM " + t + " ORDER BY id", "1|a1|b1", "2|a2|B2");
    }

    private static void compressed() throws Exception {
        String t = create("packed", "name VARCHAR(20)");
        write(false, table("packed", true).addProperty("compression", "lz4_frame").build(),
            "{\"id\":1,\"name\":\"packed\"}", "{\"id\":2,\"name\":\"packed\"}");
        judge.expect("SELECT * FROM " + t + " ORDER BY id", "1|packed", "2|packed");
    }

    private static void twoPhases() throws Exception {
        String t = create("phases", "name VARCHAR(20)");
        StreamLoadTableProperties p = table("phases", false).build();
        StreamLoadManager m = new StreamLoadManagerV2(settings(p).enableTransaction().build(), false);
        m.init();
        try {
            for (String name : new String[] {"a", "b"}) {
                m.write(null, DB, "phases", "1\t" + name, "2\t" + name);
                m.flush();
                StreamLoadSnapshot s = m.snapshot();
                Judge.same("prepare", true, m.prepare(s));
                judge.expect("SELECT count(*) FROM " + t + " WHERE name = '" + name + "'", "0");
                Judge.same("commit", true, m.commit(s));
                Judge.same("the same commit again", true, m.commit(s));
                judge.expect("SELECT * FROM " + t + " ORDER BY id", "1|" + name, "2|" + name);
            }
        } finally {
            m.close();
        }
    }

    private static void aborted() throws Exception {
        String t = create("aborted", "name VARCHAR(20)");
        StreamLoadTableProperties p = table("aborted", false).build();
        StreamLoadManagerV2 m = new StreamLoadManagerV2(settings(p).enableTransaction().build(), false);
        m.init();
        try {
            m.write(null, DB, "aborted", "1\ta");
            m.flush();
            StreamLoadSnapshot s = m.snapshot();
            Judge.same("prepare", true, m.prepare(s));
            Judge.same("abort", true, m.abort(s));
            // Through the manager it would not be sent: that one knows that the transaction is over.
            Judge.refused("commit failed", () -> m.getStreamLoader().commit(s.getTransactions().get(0)));
        } finally {
            m.close();
        }
        judge.expect("SELECT count(*) FROM " + t, "0");
    }

    /** The SDK reads \\x02\\x03 as two bytes and StarRocks \\x0203, so the SDK gets the bytes themselves. */
    private static void delimiters(String end, String columnHeader, String rowHeader) throws Exception {
        String t = create("delimited", "name VARCHAR(20)");
        String column = columnHeader.equals("\\x01") ? "\1" : columnHeader;
        StreamLoadTableProperties p = table("delimited", false).streamLoadDataFormat(new StreamLoadDataFormat.CSVFormat(end))
            .addProperty("column_separator", columnHeader).addProperty("row_delimiter", rowHeader).build();
        write(true, p, "1" + column + "tab\tand\nline", "2" + column);
        judge.expect("SELECT * FROM " + t + " ORDER BY id", "1|tab\tand\nline", "2|");
    }

    private static void wrongPassword() throws Exception {
        create("secret", "name VARCHAR(20)");
        StreamLoadTableProperties p = table("secret", false).build();
        Judge.refused("access denied",
            () -> write(new StreamLoadManagerV2(settings(p).password("wrong").build(), true), p, "1\ta"));
    }
}
