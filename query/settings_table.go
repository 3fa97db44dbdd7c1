package query

import "github.com/jurat-ledger/jurat/query/value"

// settingKind is how the value of a setting is checked and written.
type settingKind uint8

const (
	settingText settingKind = iota
	settingBool
	settingInt
	settingReal
	settingMillis  // an integer in milliseconds; "5s" and "2min" are understood
	settingSeconds // an integer in seconds; "2min" is understood
	settingKB      // an integer in kilobytes; "8MB" is understood
	settingBlocks  // an integer in blocks of 8 kB; "8MB" is understood
	settingEnum
	settingEncoding
	settingDateStyle
	settingZone
)

// A setting is one run-time setting, with the name, default and description that Postgres gives it.
type setting struct {
	name   string
	boot   string // canonical value
	kind   settingKind
	fixed  bool       // SET is refused
	report bool       // sent to the client when it changes
	min    int64      // of integers
	max    int64      // of integers
	bounds [2]float64 // of real numbers
	values []string   // of enumerations, canonical spelling
	doc    string

	foreign []string // values of Booleans that PostgreSQL has besides, in canonical spelling
}

var isolationLevels = []string{"serializable", "repeatable read", "read committed", "read uncommitted"}

// The values of jurat.proof.
const (
	proofAuthenticated = "authenticated"
	proofPublished     = "published"
)

const maxInt32 = 1<<31 - 1

// settingsTable lists the settings that the engine knows, by name in lower-case order. Those that change nothing here
// are kept because clients set and read them.
var settingsTable = append([]setting{
	{name: "application_name", report: true, doc: "Sets the application name to be reported in statistics and logs."},
	{name: "autovacuum_max_workers", boot: "0", kind: settingInt, fixed: true, doc: "Sets the maximum number of simultaneously running autovacuum worker processes."},
	{name: "block_size", boot: "8192", kind: settingInt, fixed: true, min: 8192, max: 8192, doc: "Shows the size of a disk block."},
	{name: "bytea_output", boot: "hex", kind: settingEnum, values: []string{"escape", "hex"}, doc: "Sets the output format for bytea."},
	{name: "check_function_bodies", boot: "on", kind: settingBool, doc: "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE."},
	{name: "client_encoding", boot: "UTF8", kind: settingEncoding, report: true, doc: "Sets the client's character set encoding."},
	{name: "client_min_messages", boot: "notice", kind: settingEnum, values: []string{"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"}, doc: "Sets the message levels that are sent to the client."},
	{name: "DateStyle", boot: "ISO, MDY", kind: settingDateStyle, report: true, doc: "Sets the display format for date and time values."},
	{name: "default_tablespace", doc: "Sets the default tablespace to create tables and indexes in."},
	{name: "default_table_access_method", boot: "heap", doc: "Sets the default table access method for new tables."},
	{name: "default_transaction_deferrable", boot: "off", kind: settingBool, doc: "Sets the default deferrable status of new transactions."},
	{name: "default_transaction_isolation", boot: "read committed", kind: settingEnum, values: isolationLevels, doc: "Sets the transaction isolation level of each new transaction."},
	{name: "default_transaction_read_only", boot: "off", kind: settingBool, report: true, doc: "Sets the default read-only status of new transactions."},
	{name: "extra_float_digits", boot: "1", kind: settingInt, min: -15, max: 3, doc: "Sets the number of digits displayed for floating-point values."},
	{name: "idle_in_transaction_session_timeout", boot: "0", kind: settingMillis, max: maxInt32, doc: "Sets the maximum allowed idle time between queries, when in a transaction."},
	{name: "idle_session_timeout", boot: "0", kind: settingMillis, max: maxInt32, doc: "Sets the maximum allowed idle time between queries, when not in a transaction."},
	{name: "in_hot_standby", boot: "off", kind: settingBool, fixed: true, report: true, doc: "Shows whether hot standby is currently active."},
	{name: "integer_datetimes", boot: "on", kind: settingBool, fixed: true, report: true, doc: "Shows whether datetimes are integer based."},
	{name: "IntervalStyle", boot: "postgres", kind: settingEnum, values: value.IntervalStyles, report: true, doc: "Sets the display format for interval values."},
	{name: "jit", boot: "off", kind: settingBool, doc: "Allow JIT compilation."},
	{name: "jurat.proof", boot: proofAuthenticated, kind: settingEnum, values: []string{proofAuthenticated, proofPublished}, doc: "Sets whether proofs are signed by the calendar key or extended to a publication."},
	{name: "jurat.server_name", fixed: true, doc: "Shows the name of the server that stands in every proof."},
	{name: settingMemory, kind: settingKB, fixed: true, max: maxInt32, min: 1024, doc: "Shows the maximum memory of one statement."},
	{name: "lc_collate", boot: "C", fixed: true, doc: "Shows the collation order locale."},
	{name: "lc_ctype", boot: "C.UTF-8", fixed: true, doc: "Shows the character classification and case conversion locale."},
	{name: "lc_messages", boot: "C", doc: "Sets the language in which messages are displayed."},
	{name: "lc_monetary", boot: "C", doc: "Sets the locale for formatting monetary amounts."},
	{name: "lc_numeric", boot: "C", doc: "Sets the locale for formatting numbers."},
	{name: "lc_time", boot: "C", doc: "Sets the locale for formatting date and time values."},
	{name: "lock_timeout", boot: "0", kind: settingMillis, max: maxInt32, doc: "Sets the maximum allowed duration of any wait for a lock."},
	{name: "max_connections", boot: "10000", kind: settingInt, fixed: true, doc: "Sets the maximum number of concurrent connections."},
	{name: "max_identifier_length", boot: "63", kind: settingInt, fixed: true, doc: "Shows the maximum identifier length."},
	{name: "max_index_keys", boot: "32", kind: settingInt, fixed: true, doc: "Shows the maximum number of index keys."},
	{name: "max_logical_replication_workers", boot: "0", kind: settingInt, fixed: true, doc: "Maximum number of logical replication worker processes."},
	{name: "max_parallel_workers", boot: "0", kind: settingInt, max: 1024, doc: "Sets the maximum number of parallel workers that can be active at one time."},
	{name: "max_parallel_workers_per_gather", boot: "2", kind: settingInt, max: 1024, doc: "Sets the maximum number of parallel processes per executor node."},
	{name: "max_prepared_transactions", boot: "0", kind: settingInt, fixed: true, doc: "Sets the maximum number of simultaneously prepared transactions."},
	{name: "max_replication_slots", boot: "0", kind: settingInt, fixed: true, doc: "Sets the maximum number of simultaneously defined replication slots."},
	{name: "max_wal_senders", boot: "0", kind: settingInt, fixed: true, doc: "Sets the maximum number of simultaneously running WAL sender processes."},
	{name: "max_worker_processes", boot: "0", kind: settingInt, fixed: true, doc: "Maximum number of concurrent worker processes."},
	{name: "password_encryption", boot: "scram-sha-256", kind: settingEnum, values: []string{"scram-sha-256"}, doc: "Chooses the algorithm for encrypting passwords."},
	{name: "quote_all_identifiers", boot: "off", kind: settingBool, doc: "When generating SQL fragments, quote all identifiers."},
	{name: "row_security", boot: "on", kind: settingBool, doc: "Enable row security."},
	{name: "search_path", boot: `"$user", public`, doc: "Sets the schema search order for names that are not schema-qualified."},
	{name: "server_encoding", boot: "UTF8", fixed: true, report: true, doc: "Shows the server (database) character set encoding."},
	{name: "server_version", fixed: true, report: true, doc: "Shows the server version."},
	{name: "server_version_num", boot: "150018", kind: settingInt, fixed: true, doc: "Shows the server version as an integer."},
	{name: "session_authorization", fixed: true, report: true, doc: "Sets the current user name."},
	{name: "is_superuser", boot: "off", kind: settingBool, fixed: true, report: true, doc: "Shows whether the current user is a superuser."},
	{name: "role", boot: "none", fixed: true, doc: "Sets the current role."},
	{name: "ssl", boot: "off", kind: settingBool, fixed: true, doc: "Enables SSL connections."},
	{name: "standard_conforming_strings", boot: "on", kind: settingBool, foreign: []string{"off"}, report: true, doc: "Causes '...' strings to treat backslashes literally."},
	{name: "statement_timeout", boot: "0", kind: settingMillis, max: maxInt32, doc: "Sets the maximum allowed duration of any statement."},
	{name: "synchronize_seqscans", boot: "on", kind: settingBool, doc: "Enable synchronized sequential scans."},
	{name: "synchronous_commit", boot: "on", kind: settingEnum, values: []string{"local", "remote_write", "remote_apply", "on", "off"}, doc: "Sets the current transaction's synchronization level."},
	{name: "TimeZone", boot: "Etc/UTC", kind: settingZone, report: true, doc: "Sets the time zone for displaying and interpreting time stamps."},
	{name: "transaction_deferrable", boot: "off", kind: settingBool, doc: "Whether to defer a read-only serializable transaction until it can be executed with no possible serialization failures."},
	{name: "transaction_isolation", boot: "read committed", kind: settingEnum, values: isolationLevels, doc: "Sets the current transaction's isolation level."},
	{name: "transaction_read_only", boot: "off", kind: settingBool, doc: "Sets the current transaction's read-only status."},
	{name: "work_mem", boot: "4096", kind: settingKB, min: 64, max: maxInt32, doc: "Sets the maximum memory to be used for query workspaces."},
	{name: "xmlbinary", boot: "base64", kind: settingEnum, values: []string{"base64", "hex"}, doc: "Sets how binary values are to be encoded in XML."},
	{name: "xmloption", boot: "content", kind: settingEnum, values: []string{"content", "document"}, doc: "Sets whether XML data in implicit parsing and serialization operations is to be considered as documents or content fragments."},
}, idleSettings...)
