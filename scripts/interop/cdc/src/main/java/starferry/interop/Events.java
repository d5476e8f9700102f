package starferry.interop;

import java.util.List;
import java.util.Set;

import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.cdc.common.configuration.ConfigOption;
import org.apache.flink.cdc.common.event.Event;
import org.apache.flink.cdc.common.factories.DataSourceFactory;
import org.apache.flink.cdc.common.source.DataSource;
import org.apache.flink.cdc.common.source.EventSourceProvider;
import org.apache.flink.cdc.common.source.FlinkSourceFunctionProvider;
import org.apache.flink.cdc.common.source.MetadataAccessor;
import org.apache.flink.cdc.runtime.typeutils.EventTypeInfo;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.source.SourceFunction;

/**
 * The pipeline source "events": a bounded list of events in parts, a complete checkpoint after
 * each of them. Flink CDC's own source for tests, "values", is not published.
 */
public final class Events implements DataSourceFactory {
    /** Not part of the job's graph, because rows cannot be serialized: the job is in the same JVM. */
    static volatile List<List<Event>> parts;

    @Override
    public String identifier() {
        return "events";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DataSource createDataSource(Context context) {
        return new DataSource() {
            @Override
            public EventSourceProvider getEventSourceProvider() {
                return FlinkSourceFunctionProvider.of(new Source());
            }

            @Override
            public MetadataAccessor getMetadataAccessor() {
                throw new UnsupportedOperationException("the judge's source has no catalogue");
            }
        };
    }

    private static final class Source
        implements SourceFunction<Event>, CheckpointedFunction, CheckpointListener, ResultTypeQueryable<Event> {
        private static final long serialVersionUID = 1L;
        private int written;
        private int complete;
        private long snapshotOfWritten = Long.MAX_VALUE;
        private volatile boolean stopped;

        @Override
        public void run(SourceContext<Event> out) throws Exception {
            for (List<Event> part : parts) {
                synchronized (out.getCheckpointLock()) {
                    part.forEach(out::collect);
                    written++;
                }
                synchronized (this) {
                    while (complete < written && !stopped) {
                        wait();
                    }
                }
            }
        }

        @Override
        public void snapshotState(FunctionSnapshotContext c) {
            if (written > complete && snapshotOfWritten == Long.MAX_VALUE) {
                snapshotOfWritten = c.getCheckpointId();
            }
        }

        @Override
        public void initializeState(FunctionInitializationContext c) {
            // Nothing to restore: a job that fails is not restarted, the case fails with it.
        }

        @Override
        public synchronized void notifyCheckpointComplete(long id) {
            if (id >= snapshotOfWritten) {
                snapshotOfWritten = Long.MAX_VALUE;
                complete = written;
                notifyAll();
            }
        }

        @Override
        public synchronized void cancel() {
            stopped = true;
            notifyAll();
        }

        @Override
        public TypeInformation<Event> getProducedType() {
            return new EventTypeInfo();
        }
    }
}
