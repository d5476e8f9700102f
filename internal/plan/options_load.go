package plan

const load = "sink.properties."

// loadOptions are the headers of a stream load.
var loadOptions = []Option{
	{Key: load + "format", Where: inTarget, Type: Enum, Values: []string{"csv", "json"}, Default: "csv",
		Help: "Form of a load's body. Rows that CSV cannot carry go as JSON in any case."},
	{Key: load + "column_separator", Where: inTarget, Default: `\t`,
		Help: `Between the columns of a CSV load: text of 1 to 50 bytes, or \x and hexadecimal digits.`},
	{Key: load + "row_delimiter", Where: inTarget, Default: `\n`,
		Help: `Between the rows of a CSV load: text of 1 to 50 bytes, or \x and hexadecimal digits.`},
	{Key: load + "timeout", Where: inTarget, Type: Int, Min: 1, Max: 259_200, Default: "600",
		Help: "How long StarRocks may take for one load, in seconds. With exactly-once: how long a transaction may be open, and when not set at least the interval and the time-out of checkpoints together."},
	{Key: load + "prepared_timeout", Where: inTarget, Type: Int, Min: 1, Max: 2_592_000, Default: "86400", Only: TwoPhase,
		Help: "How long StarRocks keeps a prepared transaction, in seconds: a restart within that time commits it, a later one loads it again. As of StarRocks 3.5.4; an older one takes its own setting, 24 hours unless changed."},
	{Key: load + "max_filter_ratio", Where: inTarget, Effect: Limited, Values: []string{"0", "0.0", "0.00"}, Default: "0",
		Why: "rows are never left out: a load that loses one stops the deployment", Instead: "remove the option.",
		Help: "Share of rows that may be lost."},
	{Key: load + "strict_mode", Where: inTarget, Type: Bool, Effect: Limited, Values: []string{"true"}, Default: "true",
		Why: "without strict mode a value that does not fit becomes NULL in silence", Instead: "write 'true' or remove the option.",
		Help: "A value that does not fit its column is an error."},
	{Key: load + "timezone", Where: inTarget, Help: "Passed on to StarRocks. It changes functions such as now(), not the values sent."},
	{Key: load + "load_mem_limit", Aliases: []string{load + "exec_mem_limit"}, Where: inTarget, Type: Int, Min: 1, Max: 1 << 50,
		Help: "Passed on to StarRocks: memory of one load, in bytes."},
	{Key: load + "log_rejected_record_num", Where: inTarget, Type: Int, Min: -1, Max: 1 << 40,
		Help: "Passed on to StarRocks: how many rejected rows it writes down."},
	{Key: load + "warehouse", Where: inTarget, Help: "Passed on to StarRocks: the warehouse that loads."},
	{Key: load + "load_dop", Where: inTarget, Type: Int, Min: 1, Max: 1024, Help: "Passed on to StarRocks: parallel writers of one load."},
	{Key: load + "enable_replicated_storage", Where: inTarget, Type: Bool, Help: "Passed on to StarRocks."},
	{Key: load + "transmission_compression_type", Where: inTarget, Help: "Passed on to StarRocks: compression between its backends."},
	refusedLoad("columns", "the columns of a load are taken from the tables"),
	refusedLoad("where", "every row is carried"),
	refusedLoad("jsonpaths", "the columns of a load are taken from the tables"),
	refusedLoad("json_root", "the columns of a load are taken from the tables"),
	refusedLoad("merge_condition", "the last write wins, and deletes cannot be conditional"),
	refusedLoad("partitions", "rows go to the partition they belong to"),
	refusedLoad("temporary_partitions", "rows go to the partition they belong to"),
	refusedLoad("label", "every load has a label of its own; 'sink.label-prefix' begins it"),
	limitedLoad("partial_update", "false", "whole rows are carried", "Loading some of the columns."),
	limitedLoad("negative", "false", "rows are added, never subtracted", "Subtracting instead of adding."),
	limitedLoad("trim_space", "false", "text is carried with its spaces", "Cutting spaces off."),
	limitedLoad("enable_merge_commit", "false", "merged loads do not keep the order of changes", "Merging of loads by StarRocks."),
	limitedLoad("skip_header", "0", "loads have no header lines", "Lines to leave out at the start of a load."),
	ownLoad("strip_outer_array"), ownLoad("ignore_json_size"), ownLoad("enclose"), ownLoad("escape"), ownLoad("compression"),
	ownLoad("partial_update_mode"), ownLoad("merge_commit_interval_ms"), ownLoad("merge_commit_parallel"), ownLoad("merge_commit_async"),
	ownLoad("idle_transaction_timeout"), ownLoad("transaction_type"),
}

func refusedLoad(key, why string) Option {
	return Option{Key: load + key, Where: inTarget, Effect: Refused, Why: why, Instead: "remove the option."}
}

func limitedLoad(key, value, why, help string) Option {
	return Option{Key: load + key, Where: inTarget, Effect: Limited, Values: []string{value}, Why: why, Instead: "remove the option.", Help: help}
}

func ownLoad(key string) Option {
	return Option{Key: load + key, Where: inTarget, Effect: NoEffect, Why: "each load sets it as its rows need"}
}
