// Package crashpoint names the moments at which a crash is told apart from any other.
//
// In the ordinary build Here is nothing. With the build tag crashpoints the process
// kills itself with SIGKILL when it comes to the point that STARFERRY_CRASH_AT names
// for the n-th time: STARFERRY_CRASH_AT=page-emitted:3. The tests of the whole walk
// all points; a crash by the clock alone would miss the narrow ones for years.
package crashpoint

// Variable names the point to crash at, and at which time: name:n.
const Variable = "STARFERRY_CRASH_AT"

// Point is a named moment.
type Point struct {
	// Name is what Here is called with.
	Name string
	// Where is the package below internal and the function that calls Here.
	Where string
}

// Points are all there are, in the order of a ferry's life.
var Points = []Point{
	{"earlier-loads-settled", "ferry: start"},
	{"start-known", "ferry: start"}, // and not saved yet
	{"table-joined", "ferry: joined"},
	{"join-saved", "ferry: save"}, // loads of the table may begin

	{"page-registered", "ferry: requestPage"},
	{"page-read", "ferry: requestPage"},
	{"page-arrived", "ferry: pageArrived"},
	{"page-emitted", "ferry: copyPage"},
	{"copy-done", "ferry: copyDone"},

	{"labels-created", "checkpoint: beginLabels"},
	{"labels-noted", "ferry: ship"},
	{"load-begins", "ferry: ship"},
	{"load-answered", "ferry: ship"}, // the loop does not know yet
	{"load-acknowledged", "ferry: loaded"},
	{"save-begins", "ferry: save"},
	{"schema-written", "checkpoint: writeSchemas"},
	{"file-written", "checkpoint: place"}, // and not renamed yet
	{"file-renamed", "checkpoint: place"},
	{"checkpoint-written", "checkpoint: Save"}, // older ones are still there
	{"settled", "checkpoint: Settled"},         // noted; older ones are still there
	{"saved", "ferry: save"},

	// Exactly-once.
	{"labels-noted", "ferry: beginAll"},
	{"transaction-begins", "ferry: beginAll"},
	{"transaction-begun", "ferry: beginAll"}, // the loop does not know yet
	{"load-begins", "ferry: load"},
	{"load-answered", "ferry: load"}, // the loop does not know yet
	{"load-acknowledged", "ferry: appended"},
	{"epoch-ends", "ferry: endEpoch"},
	{"epoch-loaded", "ferry: advanceClosing"},
	{"prepare-begins", "ferry: prepareStep"},
	{"transaction-prepared", "ferry: prepareStep"}, // one of them
	{"save-begins", "ferry: saveEpoch"},
	{"epoch-saved", "ferry: saveEpoch"}, // nothing is committed
	{"commit-begins", "ferry: commitStep"},
	{"transaction-committed", "ferry: commitStep"}, // one of them
	{"epoch-settled", "ferry: settleEpoch"},
	{"join-saved", "ferry: settleEpoch"},
	{"redo-begins", "ferry: goesBack"},
	{"fenced", "ferry: ledgerState"}, // at a start, behind an epoch that was saved
	{"recovery-committed", "ferry: settleCheckpoint"},
	{"recovery-settled", "ferry: recoverEpoch"},

	{"described", "ferry: describe"},
	{"alter-begins", "ferry: alter"},
	{"alter-sent", "starrocks: addColumns"},
	{"columns-added", "ferry: alter"}, // the loop does not know yet
	{"alter-sent", "starrocks: reshapeStep"},
	{"schema-carried", "ferry: evolve"},

	{"newcomer-seen", "ferry: admit"},
	{"newcomer-admitted", "ferry: admit"}, // the loop does not know yet
	{"newcomer-joined", "ferry: advanceNewcomers"},

	{"verify-page-compared", "ferry: compared"},
	{"shadow-created", "ferry: createShadow"},
	{"shadow-filled", "ferry: advanceResync"}, // and not swapped yet
	{"swapped", "ferry: swapShadow"},          // the loop does not know yet
	{"wiped", "ferry: wipe"},

	{"stop-begins", "ferry: stop"},
	{"stop-drained", "ferry: finish"}, // all is sent, the last checkpoint is not saved
}
