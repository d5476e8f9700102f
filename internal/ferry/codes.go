package ferry

import "starferry/internal/diag"

const (
	codeRecreated         diag.Code = "SF5001" // a followed table was dropped and created again
	codeRowLess           diag.Code = "SF5002" // rows of a followed table changed without row events
	codeTwoServers        diag.Code = "SF5003" // pages and stream come from different servers
	codeChangedOutsideLog diag.Code = "SF5004" // a table does not look as its log says
	codeSchemaChange      diag.Code = "SF5005" // a schema change that is not carried over
	codeRefusedRow        diag.Code = "SF5006" // a row that the target cannot take
	codeTargetColumns     diag.Code = "SF5007" // the target table lacks or requires columns
	codeJob               diag.Code = "SF5008" // a job that cannot be done
	codeAllStopped        diag.Code = "SF5009" // every table of the script is stopped
	codeTooManyRefused    diag.Code = "SF5010" // more rows of a table are refused than are worth leaving out one by one
	codeEpochTimeout      diag.Code = "SF5011" // a checkpoint takes too long
	codeServerChanged     diag.Code = "SF5012" // the source's server changed in the middle of an epoch
	codePartial           diag.Code = "SF5015" // a table that was not copied cannot be compared
	codeRedo              diag.Code = "SF5014" // everything behind the last checkpoint is loaded again
	codeOtherWriter       diag.Code = "SF5013" // the position row is of another process
)
