package deploy

import "starferry/internal/diag"

const (
	codeOtherServer diag.Code = "SF7051" // the checkpoint belongs to another source server
	codeJobStopped  diag.Code = "SF7052" // a deployment stopped before a job of it was done
	codeTooEarly    diag.Code = "SF7058" // an older checkpoint, from before a table joined
	codeNeverRun    diag.Code = "SF7053" // a deployment that has nothing to compare yet
)
