// Package catalog makes the system catalog: pg_catalog and information_schema with all the relations that Postgres 15 has,
// so that the clients of Postgres connect and look around unchanged. It knows tables by their descriptions alone, and
// nothing of statements and plans.
//
// # Relations and rows
//
// Relations lists the relations with the columns and types of Postgres. A Catalog makes their rows when they are asked for:
// once for those that are the same for every session (fixed, in objects.go, types.go and info.go), each time for those that
// depend on who asks (personal, in personal.go). The rest has no rows. A function that fills a relation names the columns
// that it knows; the others are null, or zero where Postgres has no nulls.
//
// # Functions
//
// Functions are those that ask the catalog: pg_get_indexdef, has_table_privilege, obj_description … They find a Session in
// fn.Env.Session, and through it the Catalog. One that belongs to information_schema has the schema in its name.
//
// # Who sees what
//
// A Session tells which roles and sessions it may know: an agency itself alone. Whatever names roles goes through
// Session.SessionRoles, so nothing here can betray another agency. Everything belongs to pg_database_owner, a role of
// Postgres. Sizes are null, for they tell how much others file.
//
// # Object ids
//
// Built-in objects have Postgres' object ids. Ours follow from what never changes: tables and functions have fixed ones,
// indexes and constraints follow from those of their tables, roles from the slot of their lane main. See docs/compatibility.md.
//
// # Data
//
// data holds facts of the catalog of PostgreSQL 15 in tables with tabs. TestLiveFacts compares them with a running one at
// JURAT_POSTGRES ("host=127.0.0.1 port=5432 user=postgres") and writes them anew with -rewrite: do so after adding a function,
// a type or an operator that Postgres has too, in this package or in query/fn.
//
// # Where to look
//
// A client fails to connect or shows nothing: TestClients in query says which of the recorded statements has another answer;
// psql -E shows what psql asks. A column is wrong: the function that fills its relation. An object is missing in pg_proc:
// data/functions.tsv is old.
package catalog
