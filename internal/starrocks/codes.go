package starrocks

import "starferry/internal/diag"

// The codes of this room. Their meaning never changes.
const (
	CodeUnreachable  diag.Code = "SF4001" // no frontend answers
	CodeLogin        diag.Code = "SF4002" // user or password refused
	CodeSQL          diag.Code = "SF4003" // a statement failed
	CodePrivilege    diag.Code = "SF4004" // a privilege is missing
	CodeNoDatabase   diag.Code = "SF4005" // the target database does not exist
	CodeReplication  diag.Code = "SF4006" // fewer backends than the replication asked for
	CodeCreate       diag.Code = "SF4007" // CREATE TABLE was refused
	CodeAlter        diag.Code = "SF4008" // ADD COLUMN was refused or did not finish
	CodeNoTable      diag.Code = "SF4009" // the target table does not exist
	CodeSettle       diag.Code = "SF4010" // the state of a label could not be settled
	CodeConfig       diag.Code = "SF4011" // the configuration of the target is incomplete
	CodeTransactions diag.Code = "SF4012" // this StarRocks has no transactions of the kind that exactly-once needs
	CodePrepared     diag.Code = "SF4013" // a prepared transaction may end before its checkpoint is complete
	CodeLedger       diag.Code = "SF4014" // the row that says how far a database has come cannot be used
	CodeNoKey        diag.Code = "SF4101" // the source table has no primary key
	CodeType         diag.Code = "SF4102" // a column type that is not carried
	CodeKeyType      diag.Code = "SF4103" // a type that cannot be part of a primary key
	CodeColumnName   diag.Code = "SF4104" // a column name that StarRocks refuses
	CodeProperties   diag.Code = "SF4105" // starrocks.create.table.properties cannot be used
	CodeDifferent    diag.Code = "SF4106" // the existing table differs
	CodeShape        diag.Code = "SF4109" // columns, key or partitions of the statement that cannot be made
	CodeMerge        diag.Code = "SF4107" // tables that cannot be merged into one
	CodeKeyLength    diag.Code = "SF4108" // a table none of whose keys fits into a StarRocks key
	CodeSeparator    diag.Code = "SF4201" // a separator that StarRocks refuses
	CodeHeader       diag.Code = "SF4202" // a sink.properties option that loads cannot use
	CodeLoadRefused  diag.Code = "SF4301" // StarRocks refused the rows of a load
	CodeLoadFailed   diag.Code = "SF4302" // a load failed for now
	CodeLoadOpen     diag.Code = "SF4303" // the outcome of a load is not known yet
	CodeRedirect     diag.Code = "SF4304" // the address a load is redirected to does not answer
	CodeRowsDiffer   diag.Code = "SF4305" // StarRocks loaded another number of rows than were sent
	CodeText         diag.Code = "SF4306" // a text that is not valid UTF-8
	CodeLoadEndpoint diag.Code = "SF4307" // the load address does not answer as a frontend does
	CodeLabel        diag.Code = "SF4308" // a label that cannot be used

	CodeTransactionGone diag.Code = "SF4309" // StarRocks has given up a transaction and what was loaded into it
)
