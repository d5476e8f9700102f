package cli

import "starferry/internal/diag"

// Codes of the command line.
const (
	CodeUsage        diag.Code = "SF7001" // the command line cannot be understood
	CodeScriptFile   diag.Code = "SF7002" // a script file cannot be read
	CodeTimedOut     diag.Code = "SF7003" // the time given with --timeout is over
	CodeJob          diag.Code = "SF7004" // a job of a deployment failed
	CodeReport       diag.Code = "SF7005" // verify: the report cannot be written
	CodeNotConfirmed diag.Code = "SF7006" // resync: whoever was asked did not agree
	CodeSecrets      diag.Code = "SF7007" // the folder of secrets cannot be read
	CodeProfiles     diag.Code = "SF7008" // run: profiles cannot be served
	CodeConnect      diag.Code = "SF7010" // sql: the server cannot be reached or refuses the login
	CodeStatement    diag.Code = "SF7011" // sql: the server refuses a statement
	CodeNotHere      diag.Code = "SF7013" // sql: the statement has no place here, or nothing to refer to
	CodeEmulatorRun  diag.Code = "SF7020" // emulator: it cannot start, or it failed
)
