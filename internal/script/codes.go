package script

import "starferry/internal/diag"

// Findings about the text of a script.
const (
	CodeUnclosedQuote     diag.Code = "SF1001" // a string or quoted name without its closing quote
	CodeUnclosedComment   diag.Code = "SF1002" // a comment or hint without */, or */ without its opening
	CodeUnclosedParen     diag.Code = "SF1003" // a parenthesis that is never closed
	CodeMissingComma      diag.Code = "SF1004" // two list entries without a comma between them
	CodeMissingEquals     diag.Code = "SF1005" // an option without = or without a value
	CodeMisspelledKeyword diag.Code = "SF1006" // a word that is nearly a keyword
	CodeUnexpected        diag.Code = "SF1007" // something else was expected here
	CodeWrongQuotes       diag.Code = "SF1008" // "double" or typographic quotes around a string
	CodeMissingSemicolon  diag.Code = "SF1009" // a statement begins before the one before it has ended
	CodeStatementSet      diag.Code = "SF1010" // BEGIN STATEMENT SET and END do not pair up
	CodeExtraComma        diag.Code = "SF1011" // a comma with nothing after or before it
	CodeUnquotedOption    diag.Code = "SF1012" // an option's name or value without its quotes
	CodeNotText           diag.Code = "SF1013" // bytes that are not UTF-8
	CodeVariable          diag.Code = "SF1020" // a ${variable} without a value, or without a name

	CodeForeignStatement diag.Code = "SF1100" // a Flink statement that is not run here
	CodeOtherCreateTable diag.Code = "SF1101" // CREATE TABLE of another kind than AS TABLE
	CodeOtherCreateDB    diag.Code = "SF1102" // CREATE DATABASE of another kind than AS DATABASE
	CodeUnknownStatement diag.Code = "SF1103" // no statement of Flink's at all
)
