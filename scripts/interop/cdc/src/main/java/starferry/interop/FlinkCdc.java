package starferry.interop;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.apache.flink.cdc.common.configuration.Configuration;
import org.apache.flink.cdc.common.data.DecimalData;
import org.apache.flink.cdc.common.data.RecordData;
import org.apache.flink.cdc.common.data.TimestampData;
import org.apache.flink.cdc.common.data.binary.BinaryStringData;
import org.apache.flink.cdc.common.event.AddColumnEvent;
import org.apache.flink.cdc.common.event.CreateTableEvent;
import org.apache.flink.cdc.common.event.DataChangeEvent;
import org.apache.flink.cdc.common.event.DropColumnEvent;
import org.apache.flink.cdc.common.event.Event;
import org.apache.flink.cdc.common.event.TableId;
import org.apache.flink.cdc.common.schema.Column;
import org.apache.flink.cdc.common.schema.Schema;
import org.apache.flink.cdc.common.types.DataType;
import org.apache.flink.cdc.common.types.DataTypes;
import org.apache.flink.cdc.composer.definition.PipelineDef;
import org.apache.flink.cdc.composer.definition.SinkDef;
import org.apache.flink.cdc.composer.definition.SourceDef;
import org.apache.flink.cdc.composer.flink.FlinkPipelineComposer;
import org.apache.flink.cdc.runtime.typeutils.BinaryRecordDataGenerator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Flink CDC's pipelines create, change and fill tables from a local cluster; they are read back over JDBC. */
public final class FlinkCdc {
    private static final String DB = "interop_cdc";
    private static final Judge judge = new Judge("Flink CDC");

    public static void main(String[] args) throws Exception {
        judge.run("DROP DATABASE IF EXISTS " + DB);
        LocalCluster.use();
        judge.check("a table and its database are created, every type", FlinkCdc::everyType);
        judge.check("inserts, updates and deletes over three checkpoints", () -> changes("changes"));
        judge.check("plain stream load", () -> changes("plain", "sink.at-least-once.use-transaction-stream-load", "false"));
        judge.check("a table that exists already is kept", FlinkCdc::existing);
        judge.check("a column is added between rows, then dropped", FlinkCdc::columns);
        judge.check("50000 rows into two tables", FlinkCdc::many);
        judge.end();
    }

    /**
     * The environment that the composer finds: checkpoints often, never restarts, and one class loader
     * for all, because the composer adds the connector's jar, which is in the class path too, to the job.
     */
    private static final class LocalCluster extends StreamExecutionEnvironment {
        static void use() {
            var settings = org.apache.flink.configuration.Configuration.fromMap(
                Map.of("execution.checkpointing.interval", "200ms", "restart-strategy.type", "none",
                    "execution.target", "local", "execution.attached", "true", "parallelism.default", "1",
                    "classloader.resolve-order", "parent-first"));
            initializeContextEnvironment(c -> new StreamExecutionEnvironment(settings));
        }
    }

    @SafeVarargs
    private static void pipeline(Map<String, String> more, List<Event>... parts) throws Exception {
        Map<String, String> sink = new HashMap<>(Map.of("jdbc-url", judge.url(""), "load-url", judge.http,
            "username", judge.user, "password", judge.password, "table.create.properties.replication_num", "1"));
        sink.putAll(more);
        Events.parts = List.of(parts);
        var execution = FlinkPipelineComposer.ofMiniCluster().compose(new PipelineDef(
            new SourceDef("events", "events", new Configuration()), new SinkDef("starrocks", "sink", Configuration.fromMap(sink)),
            List.of(), List.of(), Configuration.fromMap(Map.of("parallelism", "1", "schema.change.behavior", "evolve"))));
        CompletableFuture.runAsync(() -> {
            try {
                execution.execute();
            } catch (Exception e) {
                throw new IllegalStateException("the pipeline failed", e);
            }
        }).get(90, TimeUnit.SECONDS);
    }

    /** A table as the source sees it, with the rows of its present columns; the first column is the key. */
    private static final class Table {
        final TableId id;
        final Schema schema;

        Table(String name, Object... columns) {
            id = TableId.tableId(DB, name);
            Schema.Builder b = Schema.newBuilder();
            for (int i = 0; i < columns.length; i += 2) {
                b.physicalColumn((String) columns[i], (DataType) columns[i + 1]);
            }
            schema = b.primaryKey((String) columns[0]).build();
        }

        Event create() {
            return new CreateTableEvent(id, schema);
        }

        private RecordData row(Object... values) {
            Object[] own = new Object[values.length];
            for (int i = 0; i < values.length; i++) {
                own[i] = values[i] instanceof String s ? BinaryStringData.fromString(s) : values[i];
            }
            return new BinaryRecordDataGenerator(schema.getColumnDataTypes().toArray(new DataType[0])).generate(own);
        }

        Event insert(Object... values) {
            return DataChangeEvent.insertEvent(id, row(values));
        }

        Event update(Object[] before, Object... after) {
            return DataChangeEvent.updateEvent(id, row(before), row(after));
        }

        Event delete(Object... values) {
            return DataChangeEvent.deleteEvent(id, row(values));
        }
    }

    private static Object[] was(Object... values) {
        return values;
    }

    private static void everyType() throws Exception {
        Table t = new Table("types", "id", DataTypes.BIGINT().notNull(), "b", DataTypes.BOOLEAN(), "t", DataTypes.TINYINT(),
            "sm", DataTypes.SMALLINT(), "i", DataTypes.INT(), "f", DataTypes.FLOAT(), "d", DataTypes.DOUBLE(),
            "dec", DataTypes.DECIMAL(20, 4), "dt", DataTypes.DATE(), "ts", DataTypes.TIMESTAMP(0),
            "c", DataTypes.CHAR(3), "v", DataTypes.VARCHAR(20), "s", DataTypes.STRING());
        pipeline(Map.of(), List.of(t.create(),
            t.insert(1L, true, (byte) -128, (short) 32767, 2147483647, 0.5f, 1.5,
                DecimalData.fromBigDecimal(new BigDecimal("1234567890123456.7891"), 20, 4),
                (int) LocalDate.of(2024, 2, 29).toEpochDay(),
                TimestampData.fromLocalDateTime(LocalDateTime.of(2024, 2, 29, 23, 59, 59)), "abc", "世界 🎉", "it's \"a\\b\"\n\t"),
            t.insert(2L, null, null, null, null, null, null, null, null, null, null, null, null)));
        judge.expect("SELECT id, b, t, sm, i, f, d, `dec`, dt, CAST(ts AS VARCHAR), c, v, s FROM " + DB + ".types ORDER BY id",
            "1|1|-128|32767|2147483647|0.5|1.5|1234567890123456.7891|2024-02-29|2024-02-29 23:59:59|abc|世界 🎉|it's \"a\\b\"\n\t",
            "2" + "|NULL".repeat(12));
        judge.expect("SELECT COLUMN_NAME, DATA_TYPE, COLUMN_KEY, IS_NULLABLE FROM information_schema.columns WHERE TABLE_SCHEMA = '"
            + DB + "' AND TABLE_NAME = 'types' AND COLUMN_NAME IN ('id', 'ts') ORDER BY ORDINAL_POSITION",
            "id|bigint|PRI|NO", "ts|datetime||YES");
    }

    private static void changes(String name, String... option) throws Exception {
        Table t = new Table(name, "id", DataTypes.BIGINT().notNull(), "name", DataTypes.VARCHAR(20), "n", DataTypes.INT());
        pipeline(option.length == 0 ? Map.of() : Map.of(option[0], option[1]),
            List.of(t.create(), t.insert(1L, "a", 1), t.insert(2L, "b", 1), t.insert(3L, "c", 1), t.insert(4L, "d", 1)),
            List.of(t.update(was(1L, "a", 1), 1L, "A", 2), t.delete(2L, "b", 1), t.insert(5L, "e", 2), t.delete(5L, "e", 2),
                t.insert(6L, "f", 2)),
            List.of(t.insert(2L, "B", 3), t.delete(3L, "c", 1), t.update(was(6L, "f", 2), 6L, "F", 3), t.insert(7L, null, null)));
        judge.expect("SELECT * FROM " + DB + "." + name + " ORDER BY id", "1|A|2", "2|B|3", "4|d|1", "6|F|3", "7|NULL|NULL");
    }

    private static void existing() throws Exception {
        judge.run("CREATE DATABASE IF NOT EXISTS " + DB, "CREATE TABLE " + DB + ".existing (id BIGINT NOT NULL, name VARCHAR(60)) "
            + "PRIMARY KEY (id) DISTRIBUTED BY HASH (id) PROPERTIES (\"replication_num\" = \"1\")",
            "INSERT INTO " + DB + ".existing VALUES (1, 'kept'), (2, 'replaced')");
        Table t = new Table("existing", "id", DataTypes.BIGINT().notNull(), "name", DataTypes.VARCHAR(20));
        pipeline(Map.of(), List.of(t.create(), t.insert(2L, "new")));
        judge.expect("SELECT * FROM " + DB + ".existing ORDER BY id", "1|kept", "2|new");
    }

    private static void columns() throws Exception {
        Object[] first = {"id", DataTypes.BIGINT().notNull(), "a", DataTypes.VARCHAR(20)};
        Table before = new Table("columns", first);
        Table with = new Table("columns", first[0], first[1], first[2], first[3], "b", DataTypes.INT(), "c", DataTypes.STRING());
        Table without = new Table("columns", first[0], first[1], first[2], first[3], "c", DataTypes.STRING());
        Event add = new AddColumnEvent(before.id, List.of(
            new AddColumnEvent.ColumnWithPosition(Column.physicalColumn("b", DataTypes.INT())),
            new AddColumnEvent.ColumnWithPosition(Column.physicalColumn("c", DataTypes.STRING()))));
        pipeline(Map.of(), List.of(before.create(), before.insert(1L, "a1"), add, with.insert(2L, "a2", 2, "c2"),
            with.update(was(1L, "a1", null, null), 1L, "A1", null, "C1")));
        judge.expect("SELECT * FROM " + DB + ".columns ORDER BY id", "1|A1|NULL|C1", "2|a2|2|c2");
        pipeline(Map.of(), List.of(with.create(), with.insert(3L, "a3", 3, "c3"),
            new DropColumnEvent(before.id, List.of("b")), without.insert(4L, "a4", "c4")));
        judge.expect("SELECT * FROM " + DB + ".columns ORDER BY id", "1|A1|C1", "2|a2|c2", "3|a3|c3", "4|a4|c4");
    }

    private static void many() throws Exception {
        Table one = new Table("many1", "id", DataTypes.BIGINT().notNull(), "name", DataTypes.STRING());
        Table two = new Table("many2", "id", DataTypes.BIGINT().notNull(), "name", DataTypes.STRING());
        List<Event> events = new ArrayList<>(List.of(one.create(), two.create()));
        for (long i = 1; i <= 25000; i++) {
            events.add(one.insert(i, "name of " + i));
            events.add(two.insert(i, "Name of " + i));
        }
        pipeline(Map.of(), events);
        for (String table : List.of("many1", "many2")) {
            judge.expect("SELECT count(*), sum(id), count(DISTINCT name) FROM " + DB + "." + table, "25000|312512500|25000");
        }
    }
}
