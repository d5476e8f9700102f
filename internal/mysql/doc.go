// Package mysql is the source: it connects to MySQL and MariaDB, follows the
// binary log, keeps the schema of every followed table by position, and reads the
// pages of a copy. It implements the ports Source and Stream of the ferry.
package mysql
