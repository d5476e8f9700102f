package control

import "starferry/internal/diag"

// The codes of this room. Their meaning never changes.
const (
	CodeListen     diag.Code = "SF7101" // the control socket cannot be opened
	CodeNotRunning diag.Code = "SF7102" // no process runs the deployment
	CodeLost       diag.Code = "SF7103" // the running process went away before its answer was complete
	CodeRequest    diag.Code = "SF7104" // the running process does not understand what it is asked
)
