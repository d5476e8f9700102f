package deploy

import "starferry/internal/diag"

const (
	codeOtherServer diag.Code = "SF7051" // the checkpoint belongs to another source server
)
