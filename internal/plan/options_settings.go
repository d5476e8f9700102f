package plan

import "slices"

var onBadRow = []string{"stop", "dead-letter"}

const followNew = "table.cdas.scan.newly-added-table.enabled"

// settingOptions are those of SET that change how a deployment runs.
var settingOptions = []Option{
	{Key: "pipeline.name", Where: InSet, Check: checkName, Help: "Name of the deployment. The script's file name when not set."},
	{Key: "memory", Where: InSet, Type: Size, Min: 32 << 20, Max: 1 << 40, Default: "96mb",
		Help: "Memory for rows on their way: batches, loads and pages, together. At most half of what the process may have, which is starferry run --memory: 256mb when not set, never less than 64mb."},
	{Key: "on-bad-row", Where: InSet, Type: Enum, Values: onBadRow, Default: onBadRow[0],
		Help: "What a row does that StarRocks refuses. stop: its table stops, the others go on; the only table left ends the run, with its position kept. " +
			"dead-letter: the row is written to dead-letter/<database>.<table>.jsonl in the deployment's folder and left out; the target keeps what it had of it. " +
			"A table with 100 such rows in a row, or more than 1000 in a minute, stops. Not with exactly-once."},
	{Key: "snapshot.page-size", Where: InSet, Type: Size, Min: 64 << 10, Max: 1 << 30, Default: "4mb",
		Help: "How much of a table one SELECT of the first copy reads."},
	{Key: "snapshot.barrier", Where: InSet, Type: Enum, Values: []string{"auto", "lock"}, Default: "auto",
		Help: "How a page of the first copy is made no older than the stream. auto: by GTIDs or consistent snapshots where the server has them, else by waiting. lock: LOCK TABLES … READ for an instant, exact on any server."},
	{Key: "snapshot.parallelism", Where: InSet, Type: Int, Min: 1, Max: 64, Default: "4",
		Help: "How many pages are read at a time, of one table or of several."},
	{Key: "snapshot.max-lag", Where: InSet, Type: Duration, Min: 100, Max: 86_400_000, Default: "2 s",
		Help: "How far the stream may be behind the source while pages are read. Beyond, pages wait and the stream goes first."},
	{Key: "snapshot.max-mb-per-second", Where: InSet, Type: Int, Min: 0, Max: 100_000, Default: "0",
		Help: "How much pages may read from the source. 0: as fast as it goes."},
	{Key: "snapshot.pause-when", Where: InSet, Check: checkPauseWhen,
		Help: "When pages wait because the source is busy: 'threads_running>20', as SHOW GLOBAL STATUS counts them; the stream and the question are two of them. When not set: never."},
	{Key: "verify.max-mb-per-second", Where: InSet, Type: Int, Min: 0, Max: 100_000, Default: "0",
		Help: "How much a comparison of source and target may read from the source. 0: as fast as it goes."},
	{Key: "row-less.change.behavior", Where: InSet, Type: Enum, Values: []string{"repair", "repair-all", "stop"}, Default: "repair",
		Help: "What happens when a statement changes rows and the binlog has no row events of it. repair: TRUNCATE and partition maintenance have the table repaired, DML in statement format stops it. repair-all: that has the table repaired too. stop: each stops."},
	{Key: schemaBehavior, Where: InSet, Type: Enum, Values: schemaBehaviors, Default: schemaBehaviors[0],
		Help: "What becomes of schema changes: docs/schema-changes.md. ctas: a nullable column that is added, dropped or renamed is carried when the first row comes that has it; anything else stops the table. immediate: the same, when the statement comes. " +
			"evolve: columns are also dropped, renamed and widened at the target, where StarRocks can. ignore: the target stays as it is. exception: any change stops the table. Flink's lenient is ctas, its try_evolve is evolve."},
	{Key: schemaInclude, Where: InSet, Check: checkSchemaKinds,
		Help: "Kinds of schema change that are carried, with commas between; any other is ignored. A part of a name stands for all that begin so: add.column, drop.column, rename.column, alter.column.type, alter.column.nullability, alter.column.default, alter.column.comment, truncate.table. When not set: all."},
	{Key: schemaExclude, Where: InSet, Check: checkSchemaKinds,
		Help: "Kinds of schema change that are ignored, named as in include.schema.changes."},
	{Key: typeBroadening, Where: InSet, Type: Bool, Default: "false",
		Help: "Whether a target table is created with the widest type of each family (BIGINT, LARGEINT for unsigned, VARCHAR(1048576), DECIMAL(38,s)), so that a column that gets wider at the source changes nothing in it. It is to be set before the table is created, and to stay."},
	{Key: followNew, Where: InSet, Type: Bool, Default: "true",
		Help: "Whether a table that is created while the deployment runs is followed too, when a statement selects it by a pattern (CREATE DATABASE … AS DATABASE, or a back-quoted pattern): its target is created, and it is copied, while the others go on. false: when the deployment is started again."},
	{Key: "fk.cascade", Where: InSet, Type: Enum, Values: []string{"warn", "repair"}, Default: "warn",
		Help: "What happens about foreign keys ON DELETE or ON UPDATE CASCADE, SET NULL or SET DEFAULT at a source that does not log the rows they change (MariaDB, MySQL before 9.6). warn: they are named. repair: when rows of a followed parent change, the followed tables that refer to it are compared with their source and mended."},
	{Key: "execution.checkpointing.interval", Where: InSet, Type: Duration, Min: 10, Max: 86_400_000,
		Help: "How often a checkpoint is written. When not set: with the loads; with exactly-once every 10 s. With exactly-once this is when changes become visible."},
	{Key: "execution.checkpointing.timeout", Where: InSet, Type: Duration, Min: 10, Max: 86_400_000, Default: "10 min", Only: TwoPhase | PositionInside,
		Help: "How long a checkpoint may take. One that takes longer is given up and loaded again."},
	{Key: "execution.checkpointing.min-pause", Where: InSet, Type: Duration, Min: 0, Max: 86_400_000, Default: "0 ms", Only: TwoPhase | PositionInside,
		Help: "The least time between the end of a checkpoint and the begin of the next, for a StarRocks that needs long to commit."},
	{Key: deliverySetting, Where: InSet, Type: Enum, Values: []string{"two-phase", "position-inside"}, Default: "two-phase", Only: TwoPhase | PositionInside,
		Help: "How exactly-once is kept. two-phase: a transaction per table, prepared, then committed after the checkpoint; tables may differ by one epoch while it commits. " +
			"position-inside: one transaction per target database holds its tables and the position, so that all of them become visible at one instant; StarRocks 4.0 or newer, at most 200 tables per database."},
	{Key: "execution.checkpointing.mode", Where: InSet, Type: Enum, Values: []string{"EXACTLY_ONCE", "AT_LEAST_ONCE"},
		Help: "Delivery is decided by sink.semantic; this alone changes nothing."},
	{Key: "execution.runtime-mode", Where: InSet, Type: Enum, Effect: Limited, Values: []string{"streaming"}, Known: []string{"batch", "automatic"},
		Why: "a deployment follows its source until it is stopped", Instead: "remove the setting; 'starferry run --until-caught-up' stops by itself.",
		Help: "Following or one pass."},
	{Key: "execution.savepoint.path", Aliases: []string{"execution.state-recovery.path"}, Where: InSet, Effect: Refused,
		Why: "Flink's savepoints cannot be read", Instead: "remove the setting: a deployment goes on from its own checkpoint in --data-dir."},
	{Key: "table.local-time-zone", Where: InSet, Effect: Limited, Values: utc, Default: "UTC",
		Why: "'server-time-zone' of the source says the zone of TIMESTAMP columns", Instead: "write 'server-time-zone' in the mysql catalog or in OPTIONS.",
		Help: "The zone of TIMESTAMP columns."},
	{Key: "table.exec.sink.not-null-enforcer", Where: InSet, Type: Enum, Effect: Limited, Values: []string{"ERROR"}, Known: []string{"DROP"},
		Why: "rows are never left out", Instead: "remove the setting.", Help: "What happens to NULL in a NOT NULL column."},
	{Key: "table.sql-dialect", Where: InSet, Type: Enum, Effect: Limited, Values: []string{"default"}, Known: []string{"hive"},
		Why: "scripts are written in Flink's default dialect", Instead: "remove the setting.", Help: "The dialect of the script."},
}

var settingsWithoutEffect = slices.Concat(
	withoutEffect(InSet, "it is a setting of Flink's checkpoints", "execution.checkpointing.*", "state.*", "execution.savepoint.*", "execution.state-recovery.*"),
	withoutEffect(InSet, "what fails for a passing reason is tried again, with growing pauses", "restart-strategy", "restart-strategy.*"),
	withoutEffect(InSet, "one ordered loop runs the deployment", "parallelism.default", "pipeline.max-parallelism", "pipeline.*", "sink.partitioning.strategy",
		"route-mode", "schema-operator.*", "operator.*"),
	withoutEffect(InSet, "all statements of a script share one source already", "table.optimizer.source-merge.enabled"),
	withoutEffect(InSet, "it is a setting of Flink's planner", "table.*"),
	withoutEffect(InSet, "it is a setting of Flink's cluster", "taskmanager.*", "jobmanager.*", "cluster.*", "kubernetes.*", "metrics.*", "akka.*", "pekko.*",
		"rest.*", "env.*", "classloader.*", "web.*", "high-availability*", "heartbeat.*", "slotmanager.*", "scheduler-mode", "jobmanager", "execution.target",
		"execution.attached", "execution.buffer-timeout*", "execution.batch*", "akka", "yarn.*", "security.*", "history*"),
	withoutEffect(InSet, "it is a setting of Flink's SQL client", "sql-client.*"),
)
