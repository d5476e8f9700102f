package mysql

import "starferry/internal/diag"

// Codes of the source. They never change their meaning.
const (
	codeUnreachable   diag.Code = "SF3001" // no connection to the host
	codeLogin         diag.Code = "SF3002" // user or password refused
	codeTLS           diag.Code = "SF3003" // TLS asked for and not had
	codeSession       diag.Code = "SF3004" // a session setting did not take
	codeConfig        diag.Code = "SF3005" // the configuration makes no sense
	codeQuery         diag.Code = "SF3006" // a statement of ours was refused
	codeLost          diag.Code = "SF3007" // the connection was lost
	codeBusy          diag.Code = "SF3008" // a lock, a barrier or a time limit
	codeOtherServer   diag.Code = "SF3009" // two servers behind one address
	codeVersion       diag.Code = "SF3010" // server too old
	codeLogOff        diag.Code = "SF3011" // log_bin is off
	codeLogFormat     diag.Code = "SF3012" // binlog_format is not ROW
	codeRowImage      diag.Code = "SF3013" // binlog_row_image is not FULL
	codeRowOptions    diag.Code = "SF3014" // binlog_row_value_options is set
	codeGrant         diag.Code = "SF3015" // a privilege is missing
	codeReplicaLog    diag.Code = "SF3016" // a replica that does not log what it applies
	codeLogFilter     diag.Code = "SF3017" // binlog_do_db or binlog_ignore_db hides a database
	codeNoTable       diag.Code = "SF3020" // table not found
	codeNotBase       diag.Code = "SF3021" // a view, a sequence, a system table
	codeNoKey         diag.Code = "SF3022" // no usable primary key
	codeNoDatabase    diag.Code = "SF3023" // database not found
	codePurged        diag.Code = "SF3030" // the log before the position is gone
	codeBeyond        diag.Code = "SF3031" // the server has less than was delivered
	codeReplaced      diag.Code = "SF3032" // another reader took our server id
	codeLog           diag.Code = "SF3033" // the server cannot send its log
	codeDecode        diag.Code = "SF3034" // an event could not be read
	codeForeign       diag.Code = "SF3035" // a position of another server, without GTIDs
	codeFailover      diag.Code = "SF3036" // servers that cannot take each other's place
	codeStartup       diag.Code = "SF3037" // a place of the log that nothing can begin at
	codeXA            diag.Code = "SF3040" // an XA transaction that cannot be followed
	codeHeld          diag.Code = "SF3047" // rows of a prepared XA transaction cannot be kept
	codeRollback      diag.Code = "SF3041" // a logged transaction was rolled back
	codeDDL           diag.Code = "SF3044" // a DDL that cannot be followed
	codeUnknownSchema diag.Code = "SF3045" // a table arrived whose schema is not known
	codeTableMap      diag.Code = "SF3046" // the log disagrees with the tracked schema
)
