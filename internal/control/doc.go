// Package control is how another process talks to a running deployment: HTTP over a
// Unix socket that only the same user can open.
//
//	GET  /v1/status   the Status
//	POST /v1/jobs     a Job; the answer is lines of JSON, one Update each, until done
//
// The process that holds the lock of a state directory is the one that serves it, and
// a note in that directory says where its socket is: the path of a socket is limited
// to about a hundred bytes, so that it cannot always be in the directory itself.
package control
