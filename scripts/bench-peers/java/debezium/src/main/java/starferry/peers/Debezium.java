package starferry.peers;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;

import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.DebeziumEngine.ChangeConsumer;
import io.debezium.engine.DebeziumEngine.RecordCommitter;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;

import sun.misc.Signal;

/**
 * Debezium's engine with a sink such as is written at home: one stream load per table and batch, and the
 * offsets after it. It goes on until SIGINT; the state directory has where.
 */
public final class Debezium implements ChangeConsumer<RecordChangeEvent<SourceRecord>> {
    private final StreamLoad loads = new StreamLoad(need("PEER_TARGET_BE_HTTP"), need("PEER_DATABASE"));

    public static void main(String[] args) throws Exception {
        CompletableFuture<Void> interrupted = new CompletableFuture<>();
        Signal.handle(new Signal("INT"), s -> interrupted.complete(null));
        DebeziumEngine<RecordChangeEvent<SourceRecord>> engine = DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
            .using(settings()).notifying(new Debezium()).using(Debezium::ended).build();
        new Thread(engine, "engine").start();
        interrupted.get();
        engine.close();
        System.exit(0);
    }

    private static Properties settings() {
        Path state = Path.of(need("PEER_STATE"));
        Properties p = new Properties();
        p.putAll(Map.ofEntries(
            Map.entry("name", "peers"), Map.entry("connector.class", "io.debezium.connector.mysql.MySqlConnector"),
            Map.entry("offset.storage", "org.apache.kafka.connect.storage.FileOffsetBackingStore"),
            Map.entry("offset.storage.file.filename", state.resolve("offsets").toString()),
            Map.entry("offset.flush.interval.ms", "1000"),
            Map.entry("schema.history.internal", "io.debezium.storage.file.history.FileSchemaHistory"),
            Map.entry("schema.history.internal.file.filename", state.resolve("history").toString()),
            Map.entry("topic.prefix", "peers"), Map.entry("database.server.id", "5500"),
            Map.entry("database.hostname", need("PEER_SOURCE_HOST")), Map.entry("database.port", need("PEER_SOURCE_PORT")),
            Map.entry("database.user", need("PEER_SOURCE_USER")), Map.entry("database.password", need("PEER_SOURCE_PASSWORD")),
            Map.entry("database.ssl.mode", "disabled"), Map.entry("driver.allowPublicKeyRetrieval", "true"),
            Map.entry("table.include.list", need("PEER_DATABASE") + "\\." + need("PEER_TABLE")),
            Map.entry("include.schema.changes", "false"), Map.entry("tombstones.on.delete", "false"),
            Map.entry("decimal.handling.mode", "string"),
            // Ten times the defaults, because every batch is a load; both in the proportion that the documentation asks for.
            Map.entry("max.batch.size", "20480"), Map.entry("max.queue.size", "81920")));
        return p;
    }

    @Override
    public void handleBatch(List<RecordChangeEvent<SourceRecord>> events, RecordCommitter<RecordChangeEvent<SourceRecord>> committer)
        throws InterruptedException {
        Map<String, Rows> tables = new HashMap<>();
        for (RecordChangeEvent<SourceRecord> event : events) {
            Struct change = (Struct) event.record().value();
            String table = change.getStruct("source").getString("table");
            boolean deleted = change.getString("op").equals("d");
            Struct row = change.getStruct(deleted ? "before" : "after");
            tables.computeIfAbsent(table, t -> new Rows(row.schema())).add(row, deleted);
        }
        for (Map.Entry<String, Rows> table : tables.entrySet()) {
            loads.load(table.getKey(), table.getValue());
        }
        for (RecordChangeEvent<SourceRecord> event : events) {
            committer.markProcessed(event);
        }
        committer.markBatchFinished();
    }

    /** Nothing is tried again, so that no number comes from a second attempt. */
    private static void ended(boolean success, String message, Throwable failure) {
        if (success) {
            return;
        }
        if (failure != null) {
            failure.printStackTrace();
        }
        System.out.println("failed: " + String.valueOf(message).replaceAll("\\s+", " "));
        System.out.flush();
        Runtime.getRuntime().halt(1); // the engine itself waits for this call
    }

    static String need(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set: make bench-peers starts this program");
        }
        return value;
    }
}
