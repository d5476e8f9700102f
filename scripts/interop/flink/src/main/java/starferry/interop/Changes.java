package starferry.interop;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.source.SourceFunction;
import org.apache.flink.types.Row;

/**
 * A bounded source of changes in parts: after each part it waits until a checkpoint of it
 * is complete, so a job has as many checkpoints with data as there are parts. It can fail
 * once, with half a part written after the last complete checkpoint.
 */
final class Changes implements SourceFunction<Row>, CheckpointedFunction, CheckpointListener {
    private static final long serialVersionUID = 1L;
    /** Outlives the restart, which is in the same JVM. */
    private static final AtomicBoolean failed = new AtomicBoolean();

    private final Row[][] parts;
    private final int failIn;
    private volatile boolean stopped;
    private int next;
    private int written;
    private long snapshotOfWritten = Long.MAX_VALUE;
    private transient ListState<Integer> state;

    /** failIn is the number of the part, from 0, in whose middle to fail once; -1 is never. */
    Changes(int failIn, Row[]... parts) {
        this.failIn = failIn;
        this.parts = parts;
        failed.set(false);
    }

    static boolean hasFailed() {
        return failed.get();
    }

    @Override
    public void run(SourceContext<Row> out) throws Exception {
        while (next < parts.length && !stopped) {
            int part = next;
            boolean fail = part == failIn && failed.compareAndSet(false, true);
            synchronized (out.getCheckpointLock()) {
                int end = fail ? parts[part].length / 2 : parts[part].length;
                Arrays.stream(parts[part]).limit(end).forEach(out::collect);
                if (fail) {
                    throw new IllegalStateException("the judge's source fails once, as planned");
                }
                written = part + 1;
            }
            synchronized (this) {
                while (next < written && !stopped) {
                    wait();
                }
            }
        }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext c) throws Exception {
        state.update(List.of(written));
        if (written > next && snapshotOfWritten == Long.MAX_VALUE) {
            snapshotOfWritten = c.getCheckpointId();
        }
    }

    @Override
    public void initializeState(FunctionInitializationContext c) throws Exception {
        state = c.getOperatorStateStore().getListState(new ListStateDescriptor<>("written", Integer.class));
        for (int n : state.get()) {
            next = n;
            written = n;
        }
    }

    @Override
    public synchronized void notifyCheckpointComplete(long id) {
        if (id >= snapshotOfWritten) {
            snapshotOfWritten = Long.MAX_VALUE;
            next = written;
            notifyAll();
        }
    }

    @Override
    public synchronized void cancel() {
        stopped = true;
        notifyAll();
    }
}
