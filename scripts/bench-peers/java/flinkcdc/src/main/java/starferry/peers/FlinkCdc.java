package starferry.peers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import org.apache.flink.cdc.common.configuration.Configuration;
import org.apache.flink.cdc.composer.PipelineExecution;
import org.apache.flink.cdc.composer.definition.PipelineDef;
import org.apache.flink.cdc.composer.definition.SinkDef;
import org.apache.flink.cdc.composer.definition.SourceDef;
import org.apache.flink.cdc.composer.flink.FlinkPipelineComposer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;

import sun.misc.Signal;

/**
 * One pipeline of Flink CDC, MySQL to StarRocks, in a local cluster in this process. It goes on until
 * SIGINT, stops with a savepoint in the state directory, and begins from that one the next time.
 */
public final class FlinkCdc {
    private static final CompletableFuture<JobClient> job = new CompletableFuture<>();

    public static void main(String[] args) {
        try {
            run();
        } catch (Throwable t) {
            fail(t);
        }
    }

    private static void run() throws Exception {
        CompletableFuture<Void> interrupted = new CompletableFuture<>();
        Signal.handle(new Signal("INT"), s -> interrupted.complete(null));
        Path state = Path.of(need("PEER_STATE"));
        Path savepoint = state.resolve("savepoint");
        Map<String, String> settings = new HashMap<>(Map.of(
            "execution.target", "local", "execution.attached", "true", "restart-strategy.type", "none",
            "execution.checkpointing.interval", need("PEER_CHECKPOINTS"), "parallelism.default", need("PEER_PARALLELISM"),
            "state.checkpoints.dir", state.resolve("checkpoints").toUri().toString(),
            // The composer adds the connectors' jars, which are in the class path too, to the job.
            "classloader.resolve-order", "parent-first"));
        if (Files.exists(savepoint)) {
            settings.put("execution.savepoint.path", Files.readString(savepoint));
        }
        LocalCluster.use(settings);
        PipelineExecution pipeline = FlinkPipelineComposer.ofMiniCluster().compose(pipeline());
        Thread runner = new Thread(() -> {
            try {
                pipeline.execute(); // returns with the end of the job
            } catch (Throwable t) {
                fail(t);
            }
        }, "pipeline");
        runner.setDaemon(true);
        runner.start();
        interrupted.get();
        Files.writeString(savepoint, job.get().stopWithSavepoint(false, state.toUri().toString(), SavepointFormatType.CANONICAL).get());
        System.exit(0);
    }

    private static PipelineDef pipeline() {
        Map<String, String> source = Map.of("hostname", need("PEER_SOURCE_HOST"), "port", need("PEER_SOURCE_PORT"),
            "username", need("PEER_SOURCE_USER"), "password", need("PEER_SOURCE_PASSWORD"),
            "tables", need("PEER_DATABASE") + "." + need("PEER_TABLE"), "server-id", "5400-5409", "server-time-zone", "UTC",
            "jdbc.properties.allowPublicKeyRetrieval", "true", "jdbc.properties.useSSL", "false");
        Map<String, String> sink = Map.of("jdbc-url", "jdbc:mysql://" + need("PEER_TARGET_QUERY") + "/?useSSL=false", "load-url", need("PEER_TARGET_HTTP"),
            "username", "root", "password", "", "table.create.properties.replication_num", "1");
        return new PipelineDef(new SourceDef("mysql", "source", Configuration.fromMap(source)),
            new SinkDef("starrocks", "sink", Configuration.fromMap(sink)), List.of(), List.of(), List.of(),
            Configuration.fromMap(Map.of("parallelism", need("PEER_PARALLELISM"), "local-time-zone", "UTC")));
    }

    /** The environment that the composer finds; it hands the job over, so that it can be stopped. */
    private static final class LocalCluster extends StreamExecutionEnvironment {
        private LocalCluster(org.apache.flink.configuration.Configuration settings) {
            super(settings);
        }

        static void use(Map<String, String> settings) {
            var configuration = org.apache.flink.configuration.Configuration.fromMap(settings);
            initializeContextEnvironment(c -> new LocalCluster(configuration));
        }

        @Override
        public JobClient executeAsync(StreamGraph graph) throws Exception {
            JobClient client = super.executeAsync(graph);
            job.complete(client);
            return client;
        }
    }

    /** Says why on one line and ends: nothing is tried again, so that no number comes from a second attempt. */
    private static void fail(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        failure.printStackTrace();
        System.out.println("failed: " + cause.toString().replaceAll("\\s+", " "));
        System.out.flush();
        System.exit(1);
    }

    private static String need(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set: make bench-peers starts this program");
        }
        return value;
    }
}
