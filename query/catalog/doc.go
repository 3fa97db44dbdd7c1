// Package catalog makes the system catalog: pg_catalog and information_schema with all the relations that Postgres 15 has,
// so that the clients of Postgres connect and look around unchanged.
package catalog
