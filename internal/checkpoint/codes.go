package checkpoint

import "starferry/internal/diag"

// Codes of the state directory.
const (
	CodeLocked       diag.Code = "SF6001" // another process uses the state directory
	CodeUnwritable   diag.Code = "SF6002" // the state directory cannot be created or written
	CodeFull         diag.Code = "SF6003" // no space left for the state directory
	CodeUnreadable   diag.Code = "SF6004" // a file of the state directory cannot be read
	CodeDamaged      diag.Code = "SF6005" // a file of the state directory is damaged
	CodeNewer        diag.Code = "SF6006" // the state was written by a newer version of starferry
	CodeForeign      diag.Code = "SF6007" // the state directory belongs to another deployment
	CodeNoCheckpoint diag.Code = "SF6008" // there is no checkpoint of this number
)
