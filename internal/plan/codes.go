package plan

import "starferry/internal/diag"

// Findings about what a script asks for.
const (
	CodeNothingToRun  diag.Code = "SF2001" // no CREATE TABLE … AS TABLE in the script
	CodeComesLater    diag.Code = "SF2002" // understood, but not run by this version
	CodeNoCatalog     diag.Code = "SF2010" // the catalog was not created in the script
	CodeCatalogTwice  diag.Code = "SF2011" // the catalog's name is taken
	CodeCatalogKind   diag.Code = "SF2012" // a source where a target belongs, or the reverse
	CodeNoDatabase    diag.Code = "SF2013" // nothing says in which catalog or database
	CodeNamesDiffer   diag.Code = "SF2014" // the statement's name and an option's differ
	CodeTwoSources    diag.Code = "SF2015" // tables of two MySQL servers in one script
	CodeTwoTargets    diag.Code = "SF2016" // tables of two StarRocks clusters in one script
	CodeTargetTwice   diag.Code = "SF2017" // two statements fill one table
	CodeNoIfNotExists diag.Code = "SF2018" // IF NOT EXISTS is left out
	CodeLateSet       diag.Code = "SF2019" // a SET behind the last statement it could concern
	CodeCannotDrop    diag.Code = "SF2020" // DROP CATALOG of the current one
	CodeTwoDeliveries diag.Code = "SF2022" // tables delivered in different ways in one script
	CodePattern       diag.Code = "SF2023" // a pattern of names that cannot be read, or has no place there
	CodeNoMatch       diag.Code = "SF2024" // a pattern that matches no table of the source
	CodeTargetName    diag.Code = "SF2025" // a source table whose name StarRocks does not have
	CodeNotRun        diag.Code = "SF2030" // SHOW, DESCRIBE or EXPLAIN in a script

	CodeUnknownOption  diag.Code = "SF2104" // no such option here
	CodeOptionTwice    diag.Code = "SF2105" // an option is written twice in one list
	CodeMissingOption  diag.Code = "SF2106" // an option that must be written is not
	CodeInvalidValue   diag.Code = "SF2107" // not a value of that option
	CodeRefusedOption  diag.Code = "SF2108" // asks for something this version does not do
	CodeNoEffect       diag.Code = "SF2109" // accepted, means nothing here
	CodePlainPassword  diag.Code = "SF2210" // a password written in the script
	CodeProperties     diag.Code = "SF2211" // starrocks.create.table.properties do not fit the mode
	CodeSeparator      diag.Code = "SF2212" // a separator StarRocks would refuse, or two that cannot be told apart
	CodeMemory         diag.Code = "SF2213" // a batch or page does not fit into the memory allowed
	CodeServerIDRange  diag.Code = "SF2214" // of a range of server ids the first is used
	CodeCheckpointMode diag.Code = "SF2215" // checkpoints exactly once and delivery at least once, or the reverse
	CodeNoComment      diag.Code = "SF2216" // COMMENT is not carried over
	CodeTimeBudget     diag.Code = "SF2217" // times of checkpoints and transactions that do not fit together
	CodeTooManyTables  diag.Code = "SF2218" // more tables of a database than one transaction takes
	CodeStartup        diag.Code = "SF2232" // options of where a first start begins that do not fit together
	CodeNotExactlyOnce diag.Code = "SF2219" // how exactly-once is kept, of a delivery that is at-least-once
	CodeShape          diag.Code = "SF2230" // clauses that shape the target and do not fit together
	CodeExpression     diag.Code = "SF2231" // an expression or condition that cannot be taken
)
