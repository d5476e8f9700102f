package script

import "slices"

// Form is one kind of statement: what it looks like, and what it does. docs/sql.md is made
// from this table, and tests hold the parser against it.
type Form struct {
	Title string
	// Syntax is the whole statement; […] may be left out, {a | b} is a choice, … repeats.
	Syntax  string
	Meaning string
	// Examples parse, each to the end.
	Examples []string
}

// Forms are all statements of scripts.
func Forms() []Form { return slices.Clone(forms) }

var forms = []Form{
	{"CREATE CATALOG", `CREATE CATALOG [IF NOT EXISTS] name [COMMENT 'text'] WITH ('key' = 'value', …)`,
		"Names a server: 'type' = 'mysql' is a source, 'type' = 'starrocks' a target. Its options hold for every statement that uses the catalog, unless the statement says otherwise. A catalog lives as long as its script.",
		[]string{`CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = 'db1', 'username' = 'ferry', 'password' = '${secret_values.mysql_pw}', 'default-database' = 'shop')`,
			`CREATE CATALOG IF NOT EXISTS sr COMMENT 'the warehouse' WITH ('type' = 'starrocks', 'endpoint' = 'fe1:9030', 'http-url' = 'fe1:8030', 'username' = 'ferry', 'dbname' = 'ods')`}},
	{"DROP CATALOG", `DROP CATALOG [IF EXISTS] name`, "Forgets a catalog, which cannot be the current one. Nothing happens at its server.", []string{`DROP CATALOG IF EXISTS old`}},
	{"USE CATALOG", `USE CATALOG name`, "Makes a catalog the current one: names that begin with no catalog are looked for there.", []string{`USE CATALOG sr`}},
	{"USE", `USE [catalog.]database`, "Makes a database the current one.", []string{`USE ods`, "USE sr.`ods-2`"}},
	{"SET", `SET 'key' = 'value'`, "Sets an option of the deployment, for all its statements. It stands before the statements that move rows. SET key = value, without quotes, is the same.",
		[]string{`SET 'execution.checkpointing.interval' = '1 min'`, `SET pipeline.name = orders`}},
	{"RESET", `RESET ['key']`, "Takes back a SET, or all of them.", []string{`RESET 'pipeline.name'`, `RESET`}},
	{"CREATE TABLE … AS TABLE", `CREATE TABLE [IF NOT EXISTS] [[catalog.]database.]table
  [([CONSTRAINT name] PRIMARY KEY (column, …) NOT ENFORCED)] [COMMENT 'text'] [PARTITIONED BY (column, …)]
  [WITH ('key' = 'value', …)]
AS TABLE [[catalog.]database.]table [/*+ OPTIONS ('key' = 'value', …) */]
  [ADD COLUMN (name AS expression [COMMENT 'text'] [FIRST | AFTER column], …)] [DROP COLUMN (column, …)] [WHERE condition]`,
		"Keeps a table of StarRocks in step with a table of MySQL: creates it if it is missing, copies the rows, then follows the binlog. WITH holds options of the target, OPTIONS those of the source; both go before those of the catalogs. A database or table of the source between back-quotes may be a regular expression. PRIMARY KEY is the key of the target: the columns of the source's in any order, and more. PARTITIONED BY has StarRocks (3.1 or newer) create partitions by columns of the key. ADD COLUMN are columns that StarRocks computes inside the load (docs/expressions.md); DROP COLUMN are columns that the target does not have; WHERE are the rows that it has, and one that does not fit any more is deleted there.",
		[]string{`CREATE TABLE IF NOT EXISTS sr.ods.orders WITH ('starrocks.create.table.mode' = 'simple', 'starrocks.create.table.properties' = 'buckets 8') AS TABLE mysql.shop.orders`,
			"CREATE TABLE IF NOT EXISTS users AS TABLE mysql.`shop[0-9]+`.`users[0-9]+` /*+ OPTIONS ('server-id' = '8001-8004') */",
			`CREATE TABLE IF NOT EXISTS orders (PRIMARY KEY (day, id) NOT ENFORCED) PARTITIONED BY (day) AS TABLE mysql.shop.orders ADD COLUMN (day AS CAST(created_at AS DATE) FIRST)`,
			`CREATE TABLE IF NOT EXISTS paid AS TABLE mysql.shop.orders DROP COLUMN (note) WHERE state = 'paid' AND amount > 0`}},
	{"CREATE DATABASE … AS DATABASE", `CREATE {DATABASE | SCHEMA} [IF NOT EXISTS] [catalog.]database [COMMENT 'text']
  [WITH ('key' = 'value', …)]
AS {DATABASE | SCHEMA} [catalog.]database
  [INCLUDING {ALL TABLES | TABLE 'pattern', …}] [EXCLUDING TABLE 'pattern', …] [RENAME TABLE 'pattern' TO 'name', …] [/*+ OPTIONS ('key' = 'value', …) */]`,
		"Does the same for all tables of a database, or those that a pattern matches; each keeps its name. A pattern is a regular expression that matches the whole name; 'a', 'b' and 'a|b' are the same. RENAME TABLE gives targets other names: $1 is what the first group of the pattern matches, and the first pattern that matches a table counts. The clauses behind the source may stand in any order.",
		[]string{`CREATE DATABASE IF NOT EXISTS sr.ods WITH ('starrocks.create.table.mode' = 'simple', 'starrocks.create.table.properties' = 'buckets 8') AS DATABASE mysql.shop INCLUDING TABLE 'orders', 'items|web_.*' EXCLUDING TABLE '.*_bak'`,
			`CREATE DATABASE IF NOT EXISTS sr.ods AS DATABASE mysql.shop RENAME TABLE 'web_(.*)' TO 'ods_$1'`,
			"CREATE DATABASE IF NOT EXISTS sr.ods AS DATABASE mysql.`shop[0-9]+` INCLUDING ALL TABLES /*+ OPTIONS ('server-id' = '8001-8004') */"}},
	{"BEGIN STATEMENT SET", `BEGIN STATEMENT SET; statement; … END
EXECUTE STATEMENT SET BEGIN statement; … END`, "Puts statements into one job. All statements of a script are one deployment anyway: they share one connection that reads the binlog.",
		[]string{"BEGIN STATEMENT SET; CREATE TABLE IF NOT EXISTS a AS TABLE mysql.shop.a; CREATE DATABASE IF NOT EXISTS b AS DATABASE mysql.b; END",
			"EXECUTE STATEMENT SET BEGIN CREATE TABLE IF NOT EXISTS a AS TABLE mysql.shop.a; END"}},
	{"EXPLAIN", `EXPLAIN [PLAN FOR] {CREATE TABLE … AS TABLE … | CREATE DATABASE … AS DATABASE …}
EXPLAIN STATEMENT SET BEGIN statement; … END`, "Shows what a statement would do: tables, columns and their types, the statement that StarRocks gets, options and where each comes from. starferry sql and starferry explain carry it out; a run leaves it out, with a warning. ESTIMATED_COST, CHANGELOG_MODE, PLAN_ADVICE and JSON_EXECUTION_PLAN are accepted and change nothing.",
		[]string{"EXPLAIN CREATE TABLE IF NOT EXISTS a AS TABLE mysql.shop.a", "EXPLAIN PLAN FOR CREATE DATABASE IF NOT EXISTS b AS DATABASE mysql.b", "EXPLAIN STATEMENT SET BEGIN CREATE TABLE IF NOT EXISTS a AS TABLE mysql.shop.a; END"}},
	{"SHOW", `SHOW CATALOGS [[NOT] {LIKE | ILIKE} 'pattern']
SHOW {DATABASES | SCHEMAS} [{FROM | IN} catalog] [[NOT] {LIKE | ILIKE} 'pattern']
SHOW TABLES [{FROM | IN} [catalog.]database] [[NOT] {LIKE | ILIKE} 'pattern']
SHOW COLUMNS {FROM | IN} [[catalog.]database.]table [[NOT] {LIKE | ILIKE} 'pattern']
SHOW CREATE TABLE [[catalog.]database.]table
SHOW CREATE CATALOG name
SHOW CURRENT {CATALOG | DATABASE}`, "Lists what is there, at the server of the catalog. starferry sql answers it; in a script it has no answer, and is left out. What is secret is shown as ***.",
		[]string{"SHOW CATALOGS", "SHOW DATABASES FROM mysql LIKE 'shop%'", "SHOW TABLES FROM mysql.shop NOT LIKE '%_bak'", "SHOW COLUMNS FROM sr.ods.orders", "SHOW CREATE TABLE mysql.shop.orders", "SHOW CREATE CATALOG sr", "SHOW CURRENT DATABASE"}},
	{"DESCRIBE", `{DESCRIBE | DESC} [EXTENDED] [[catalog.]database.]table
{DESCRIBE | DESC} CATALOG [EXTENDED] name`, "Shows the columns of a table, or the options of a catalog; as SHOW, for starferry sql.",
		[]string{"DESCRIBE mysql.shop.orders", "DESC CATALOG EXTENDED mysql"}},
}

// heads are the words that begin a statement.
var heads = []string{"CREATE", "DROP", "USE", "SET", "RESET", "BEGIN", "EXECUTE", "END", "EXPLAIN", "SHOW", "DESCRIBE", "DESC"}
