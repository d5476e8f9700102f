package plan

import "slices"

// targetOptions are those of StarRocks that change what is written or how.
var targetOptions = []Option{
	{Key: "starrocks.create.table.properties", Where: InWith, Required: true,
		Help: "What stands behind the column list when the target table is created. In simple mode: buckets and PROPERTIES."},
	{Key: "starrocks.create.table.mode", Where: InWith, Type: Enum, Values: []string{"normal", "simple"}, Default: "normal",
		Help: "normal: engine, key and buckets come from starrocks.create.table.properties. simple: engine olap, MySQL's primary key, hash over all its columns; only buckets must be given."},
	{Key: "database-name", Where: InWith,
		Help: "Target database, when the statement does not name one. Where the two differ, the statement wins, with a warning."},
	{Key: "table-name", Where: InWith,
		Help: "Target table. The statement names it already; where the two differ, the statement wins, with a warning."},
	{Key: "jdbc-url", Where: inTarget, Required: true, Check: checkJDBC,
		Help: "Query addresses of the StarRocks frontends: jdbc:mysql://fe1:9030,fe2:9030. Taken from the catalog's endpoint when not set."},
	{Key: "load-url", Aliases: []string{"http-url"}, Where: inTarget, Type: HostList, Required: true,
		Help: "HTTP addresses of the StarRocks frontends: fe1:8030;fe2:8030. On newer EMR the port is 18030."},
	{Key: "username", Where: inTarget, Required: true, Help: "StarRocks user. It needs INSERT, UPDATE, DELETE, SELECT and ALTER on the tables, and CREATE TABLE on the database."},
	{Key: "password", Where: inTarget, Secret: true, Help: "Password of the StarRocks user."},
	{Key: "sink.semantic", Where: inTarget, Type: Enum, Values: []string{AtLeastOnce.String(), ExactlyOnce.String()}, Default: AtLeastOnce.String(),
		Help: "What is promised. at-least-once: nothing is lost, changes are visible within sink.buffer-flush.interval-ms, and after a crash a row may show an older version for a while. " +
			"exactly-once: what is visible is always a state the source's table had, and never goes back; changes become visible with every checkpoint. All statements of a script say the same: docs/delivery.md."},
	{Key: "sink.max-open-transactions", Where: inTarget, Type: Int, Min: 1, Max: 1000, Default: "80", Only: TwoPhase,
		Help: "How many transactions are open at a time in a target database, one per table that has changes. Beyond, an epoch ends early. StarRocks allows 1000 per database, 100 before 3.2, all its users together."},
	{Key: "sink.label-prefix", Where: inTarget, Check: checkLabelPrefix, Help: "Begins the label of every load: letters, digits, - and _, at most 40."},
	{Key: "on-bad-row", Where: InWith, Type: Enum, Values: onBadRow,
		Help: "What a row of this table does that StarRocks refuses. When not set: as SET 'on-bad-row' says."},
	{Key: "sink.buffer-flush.interval-ms", Where: inTarget, Type: Duration, Min: 0, Max: 3_600_000, Default: "1000",
		Help: "The least time between two loads of a table, in milliseconds, and so how old a change may get before it is sent: the first one after a pause is sent at once. " +
			"Flink's default is 300000; here it is 1000, so that a change is visible within a second. A table gets fewer loads while StarRocks asks for that."},
	{Key: "sink.buffer-flush.max-bytes", Where: inTarget, Type: Size, Min: 1 << 20, Max: 10 << 30, Default: "64mb",
		Help: "A batch of this size is closed, and sent as soon as sink.buffer-flush.interval-ms allows or memory presses. Never more than half of SET 'memory'."},
	{Key: "sink.buffer-flush.max-rows", Where: inTarget, Type: Int, Min: 1, Max: 5_000_000, Default: "500000",
		Help: "A batch of this many rows is closed, as one of sink.buffer-flush.max-bytes is."},
	{Key: "sink.connect.timeout-ms", Where: inTarget, Type: Duration, Min: 100, Max: 600_000, Default: "30000",
		Help: "How long connecting to StarRocks may take, in milliseconds."},
	{Key: "sink.redirect-hosts", Where: inTarget, Type: Map,
		Help: "Addresses to use instead of those that StarRocks redirects a load to: 172.16.0.7=127.0.0.1,be2:8040=127.0.0.1:18040."},
	{Key: "sink.transaction.multi-table.enabled", Where: inTarget, Type: Bool, Effect: Limited, Values: []string{"false"},
		Why:     "tables that become visible together are a way of exactly-once here, not of at-least-once",
		Instead: "remove the option, and write 'sink.semantic' = 'exactly-once' here and SET 'delivery.exactly-once' = 'position-inside' before the statement: all tables of a database then become visible at one instant (StarRocks 4.0 or newer).",
		Help:    "In Flink's connector: one transaction for all tables of a database, at least once."},
	{Key: "sink.blackhole", Where: inTarget, Type: Bool, Effect: Limited, Values: []string{"false"},
		Why: "rows are always loaded", Instead: "remove the option.", Help: "Throwing rows away."},
	{Key: "unicode-char.max-bytes", Aliases: []string{"table.char-expand-multiple"}, Where: inTarget, Effect: Limited, Values: []string{"4"}, Default: "4",
		Why: "a character may take four bytes, and columns are made wide enough for that", Instead: "remove the option.",
		Help: "Bytes per character when the length of a text column is worked out."},
	refusedTarget("table.create.*"), refusedTarget("table.properties.*"), refusedTarget("table.num-buckets"),
	refusedTarget("table.key-type"), refusedTarget("table.keys"), refusedTarget("table.distribution-keys"),
	refusedTarget("table.binary-padding"), refusedTarget("table.enable-null-primary-key"), refusedTarget("starrocks.create.table.properties.*"),
}

func refusedTarget(key string) Option {
	return Option{Key: key, Where: inTarget, Effect: Refused,
		Why:     "how the target table is made is said in one place, starrocks.create.table.properties",
		Instead: "write it there, for example 'buckets 8 properties (\"replication_num\" = \"1\")'."}
}

var targetWithoutEffect = slices.Concat(
	withoutEffect(InWith, "the catalog says what kind of target it is", "connector"),
	withoutEffect(inTarget, "it chooses between two versions of Flink's connector", "sink.use.new-apiapi", "sink.use.new-sink-api", "sink.use.new-api", "sink.version"),
	withoutEffect(inTarget, "a load that fails for a passing reason is tried again until it succeeds, any other stops the deployment",
		"sink.max-retries", "sink.retry.interval-ms"),
	withoutEffect(inTarget, "loads have time-outs of their own", "sink.socket.timeout-ms", "sink.wait-for-continue.timeout-ms",
		"sink.publish-timeout.ms", "sink.buffer-flush.enqueue-timeout-ms", "table.schema-change.timeout"),
	withoutEffect(inTarget, "one load per table is under way at a time, so that the last write wins",
		"sink.io.thread-count", "sink.parallelism", "sink.scan-frequency.ms", "sink.chunk-limit", "sink.merge-commit.*"),
	withoutEffect(inTarget, "a row whose key changes is deleted under its old key", "sink.ignore.update-before"),
	withoutEffect(inTarget, "no label is used twice, and transactions that an earlier process left open are always ended first", "sink.exactly-once.*"),
	withoutEffect(inTarget, "it does not change what at-least-once promises", "sink.at-least-once.use-transaction-stream-load"),
	withoutEffect(inTarget, "memory is bounded by SET 'memory', and transactions end where the source's end", "sink.transaction.multi-table.*"),
	withoutEffect(inTarget, "how rows are written is chosen by what they hold", "sink.wrap-json-as-array"),
	withoutEffect(inTarget, "rows are never written into the log", "sink.sanitize-error-log"),
	withoutEffect(inTarget, "it is a metric of Flink's", "sink.metric.*"),
	withoutEffect(inTarget, "nothing is read through the connector", "scan-url", "scan.*", "lookup.*"),
)
