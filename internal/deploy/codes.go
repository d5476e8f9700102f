package deploy

import "starferry/internal/diag"

const (
	codeOtherServer     diag.Code = "SF7051" // the checkpoint belongs to another source server
	codeJobStopped      diag.Code = "SF7052" // a deployment stopped before a job of it was done
	codeNeverRun        diag.Code = "SF7053" // a deployment that has nothing to compare yet
	codeRowFound        diag.Code = "SF7054" // the state directory is empty, and the target has a position row of the deployment
	codeNoRow           diag.Code = "SF7055" // there is no position row to go on from
	codeManyRows        diag.Code = "SF7056" // several deployments of the name have position rows
	codeReshaped        diag.Code = "SF7057" // the columns of a table are others than at the position of the row
	codeTooEarly        diag.Code = "SF7058" // an older checkpoint, from before a table joined
	codeStartup         diag.Code = "SF7063" // a first start cannot begin where the script says
	codeNothingSelected diag.Code = "SF7060" // the patterns of a script match no table
	codeTargetTaken     diag.Code = "SF7061" // the target of a table that came later is filled from another
	codeFilter          diag.Code = "SF7070" // a condition that means nothing for rows of a table
)
