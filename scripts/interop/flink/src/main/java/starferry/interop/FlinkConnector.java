package starferry.interop;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.concurrent.TimeUnit;

import org.apache.flink.api.common.restartstrategy.RestartStrategies;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** The Flink connector writes tables from jobs in a local cluster; they are read back over JDBC. */
public final class FlinkConnector {
    private static final String DB = "interop_flink";
    private static final Judge judge = new Judge("Flink connector");
    private static int labels;

    public static void main(String[] args) throws Exception {
        judge.run("DROP DATABASE IF EXISTS " + DB, "CREATE DATABASE " + DB);
        for (String semantic : new String[] {"at-least-once", "exactly-once"}) {
            for (String format : new String[] {"csv", "json"}) {
                String how = ", " + semantic + ", " + format;
                judge.check("every type" + how, () -> everyType(semantic, format));
                judge.check("upserts and deletes over three checkpoints" + how, () -> changes(semantic, format, -1, ""));
                judge.check("a failure and a restart" + how, () -> changes(semantic, format, 1, ""));
            }
        }
        judge.check("upserts and deletes, at-least-once, plain stream load", () -> changes("at-least-once", "json", -1,
            ", 'sink.at-least-once.use-transaction-stream-load' = 'false'"));
        judge.check("upserts and deletes, the first sink (V1)", () -> changes("at-least-once", "csv", -1, ", 'sink.version' = 'V1'"));
        judge.check("upserts and deletes, exactly-once, JSON, the new sink interface",
            () -> changes("exactly-once", "json", -1, ", 'sink.use.new-sink-api' = 'true'"));
        judge.check("100000 rows, two writers, exactly-once", () -> many("exactly-once"));
        judge.check("100000 rows, two writers, at-least-once", () -> many("at-least-once"));
        judge.check("partial update", FlinkConnector::partialUpdate);
        judge.end();
    }

    private static StreamExecutionEnvironment environment(int parallelism) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(parallelism, new Configuration());
        env.enableCheckpointing(200);
        env.setRestartStrategy(RestartStrategies.fixedDelayRestart(2, 0));
        return env;
    }

    private static void sink(StreamTableEnvironment t, String table, String columns, String semantic, String format, String more) {
        t.executeSql("CREATE TEMPORARY TABLE sink (" + columns + ", PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'starrocks'"
            + ", 'jdbc-url' = '" + judge.url("") + "', 'load-url' = '" + judge.http + "', 'username' = '" + judge.user
            + "', 'password' = '" + judge.password + "', 'database-name' = '" + DB + "', 'table-name' = '" + table
            + "', 'sink.semantic' = '" + semantic + "', 'sink.properties.strict_mode' = 'true'"
            + (semantic.equals("exactly-once") ? ", 'sink.label-prefix' = 'interop-" + labels++ + "'" : "")
            + (format.equals("json") ? ", 'sink.properties.format' = 'json', 'sink.properties.strip_outer_array' = 'true'"
                : ", 'sink.properties.column_separator' = '\\x01', 'sink.properties.row_delimiter' = '\\x02'")
            + more + ")");
    }

    private static void run(StreamTableEnvironment t, String insert) throws Exception {
        t.executeSql(insert).await(90, TimeUnit.SECONDS);
    }

    private static void create(String table, String columns) throws Exception {
        judge.run("DROP TABLE IF EXISTS " + DB + "." + table, "CREATE TABLE " + DB + "." + table + " (id BIGINT NOT NULL, "
            + columns + ") PRIMARY KEY (id) DISTRIBUTED BY HASH (id) PROPERTIES (\"replication_num\" = \"1\")");
    }

    private static void everyType(String semantic, String format) throws Exception {
        create("types", "b BOOLEAN, t TINYINT, i INT, f DOUBLE, d DECIMAL(20,4), dt DATE, ts DATETIME, s VARCHAR(100)");
        StreamTableEnvironment t = StreamTableEnvironment.create(environment(1));
        sink(t, "types", "id BIGINT, b BOOLEAN, t TINYINT, i INT, f DOUBLE, d DECIMAL(20,4), dt DATE, ts TIMESTAMP(6), s STRING",
            semantic, format, "");
        run(t, "INSERT INTO sink VALUES (1, TRUE, CAST(-128 AS TINYINT), 2147483647, CAST(1.5 AS DOUBLE),"
            + " CAST('1234567890123456.7891' AS DECIMAL(20,4)), DATE '2024-02-29', TIMESTAMP '2024-02-29 23:59:59.123456',"
            + " 'it''s \"a\\b\", 世界 🎉'), (2, CAST(NULL AS BOOLEAN), CAST(NULL AS TINYINT), CAST(NULL AS INT), CAST(NULL AS DOUBLE),"
            + " CAST(NULL AS DECIMAL(20,4)), CAST(NULL AS DATE), CAST(NULL AS TIMESTAMP(6)), CAST(NULL AS STRING))");
        judge.expect("SELECT id, b, t, i, f, d, dt, CAST(ts AS VARCHAR), s FROM " + DB + ".types ORDER BY id",
            "1|1|-128|2147483647|1.5|1234567890123456.7891|2024-02-29|2024-02-29 23:59:59.123456|it's \"a\\b\", 世界 🎉",
            "2" + "|NULL".repeat(8));
    }

    private static void changes(String semantic, String format, int failIn, String more) throws Exception {
        create("changes", "name VARCHAR(20), n INT");
        StreamExecutionEnvironment env = environment(1);
        StreamTableEnvironment t = StreamTableEnvironment.create(env);
        Row[] first = {row(RowKind.INSERT, 1, "a", 1), row(RowKind.INSERT, 2, "b", 1), row(RowKind.INSERT, 3, "c", 1),
            row(RowKind.INSERT, 4, "d", 1)};
        Row[] second = {row(RowKind.UPDATE_BEFORE, 1, "a", 1), row(RowKind.UPDATE_AFTER, 1, "A", 2), row(RowKind.DELETE, 2, "b", 1),
            row(RowKind.INSERT, 5, "e", 2), row(RowKind.DELETE, 5, "e", 2), row(RowKind.INSERT, 6, "f", 2)};
        Row[] third = {row(RowKind.INSERT, 2, "B", 3), row(RowKind.DELETE, 3, "c", 1), row(RowKind.UPDATE_BEFORE, 6, "f", 2),
            row(RowKind.UPDATE_AFTER, 6, "F", 3), row(RowKind.INSERT, 7, null, null)};
        DataStream<Row> changes = env.addSource(new Changes(failIn, first, second, third))
            .returns(Types.ROW_NAMED(new String[] {"id", "name", "n"}, Types.LONG, Types.STRING, Types.INT));
        t.createTemporaryView("source", t.fromChangelogStream(changes, Schema.newBuilder()
            .column("id", "BIGINT NOT NULL").column("name", "STRING").column("n", "INT").primaryKey("id").build(), ChangelogMode.all()));
        sink(t, "changes", "id BIGINT NOT NULL, name STRING, n INT", semantic, format, more);
        run(t, "INSERT INTO sink SELECT * FROM source");
        Judge.same("the source failed", failIn >= 0, Changes.hasFailed());
        judge.expect("SELECT * FROM " + DB + ".changes ORDER BY id", "1|A|2", "2|B|3", "4|d|1", "6|F|3", "7|NULL|NULL");
    }

    private static Row row(RowKind kind, long id, String name, Integer n) {
        return Row.ofKind(kind, id, name, n);
    }

    private static void many(String semantic) throws Exception {
        create("many", "name VARCHAR(40)");
        StreamTableEnvironment t = StreamTableEnvironment.create(environment(2));
        t.executeSql("CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence',"
            + " 'fields.id.start' = '1', 'fields.id.end' = '100000')");
        sink(t, "many", "id BIGINT, name STRING", semantic, "json", "");
        run(t, "INSERT INTO sink SELECT id, 'name of ' || CAST(id AS STRING) FROM numbers");
        judge.expect("SELECT count(*), sum(id), count(DISTINCT name) FROM " + DB + ".many", "100000|5000050000|100000");
    }

    private static void partialUpdate() throws Exception {
        create("part", "a VARCHAR(10), b VARCHAR(10)");
        judge.run("INSERT INTO " + DB + ".part VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2')");
        StreamTableEnvironment t = StreamTableEnvironment.create(environment(1));
        sink(t, "part", "id BIGINT, b STRING", "at-least-once", "csv",
            ", 'sink.properties.partial_update' = 'true', 'sink.properties.columns' = 'id,b,__op'");
        run(t, "INSERT INTO sink VALUES (CAST(2 AS BIGINT), 'B2')");
        judge.expect("SELECT * FROM " + DB + ".part ORDER BY id", "1|a1|b1", "2|a2|B2");
    }
}
