package cells

import "starferry/internal/diag"

// Codes of what can be wrong with a table or a row image.
const (
	// CodeUnsupportedType: a column has a type or charset that is not carried yet.
	CodeUnsupportedType diag.Code = "SF3501"
	// CodeUnusableKey: a key column has a type that cannot be compared exactly.
	CodeUnusableKey diag.Code = "SF3502"
	// CodeSchemaMismatch: the log describes another table than the schema in force.
	CodeSchemaMismatch diag.Code = "SF3503"
	// CodePartialImage: a row image lacks columns, or parts of JSON values.
	CodePartialImage diag.Code = "SF3504"
	// CodeBrokenImage: the bytes of a row image are not what its types say.
	CodeBrokenImage diag.Code = "SF3505"
	// CodeBadAnswer: the server answered a SELECT with a text its type cannot have.
	CodeBadAnswer diag.Code = "SF3506"
)
