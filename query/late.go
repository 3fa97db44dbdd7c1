package query

import (
	"context"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/catalog"
	"github.com/jurat-ledger/jurat/query/parse"
)

// isLate reports whether Postgres looks at a statement only when it runs, so that preparing it succeeds whatever it names.
// All but queries, filings and what has a result to describe is so.
func isLate(stmt parse.Stmt) bool {
	switch stmt := stmt.(type) {
	case *parse.Select, *parse.Insert, *parse.Update, *parse.Delete, *parse.DeclareCursor, *parse.Explain, *parse.Show:
		return false
	case *parse.Other:
		return stmt.Command != "MERGE"
	}
	return true
}

// late prepares a statement that cannot be analyzed: its error comes when it runs, unless what it names is there by then.
func (s *Session) late(sql string, stmt parse.Statement) *compiled {
	stmt.Notices = nil // they have been given
	c := &compiled{kind: kindOf(stmt.Stmt)}
	c.text, _ = parse.WithoutPassword(stmt.Stmt, stmt.Text)
	c.run = func(ctx context.Context, r *run) (*Result, error) {
		now, err := s.compile(sql, stmt, nil)
		if err != nil {
			return nil, err
		}
		if now.cols != nil {
			return nil, errf(codeUnsupported, "cached plan must not change result type").hint("Prepare the statement anew.")
		}
		s.tx.queried = s.tx.queried || now.queries
		return now.run(ctx, r)
	}
	return c
}

// droppable are the kinds of objects that stand in pg_class, as they are called in messages.
var droppable = map[string]string{
	"TABLE": "table", "VIEW": "view", "MATERIALIZED VIEW": "materialized view", "FOREIGN TABLE": "foreign table", "INDEX": "index", "SEQUENCE": "sequence",
}

// absent answers a DROP of tables, views, indexes or sequences of which none is there: an error without IF EXISTS, with it
// a notice for each. It returns nil if one is there, or the statement is another.
func (a *analyzer) absent(t *parse.Other) (*compiled, error) {
	kind, ok := strings.CutPrefix(t.Command, "DROP ")
	called := droppable[kind]
	if !ok || called == "" || len(t.Objects) == 0 {
		return nil, nil
	}
	var missing []*Error
	for _, n := range t.Objects {
		if _, err := a.session.engine.table(n, a.session); err == nil || a.session.engine.isIndex(n.Name) {
			return nil, nil
		}
		code := codeUndefinedTable
		if kind == "INDEX" {
			code = codeUndefinedObject
		}
		missing = append(missing, errf(code, "%s %q does not exist", called, n.Name))
		if !t.IfExists {
			return nil, a.fail(missing[0], n)
		}
	}
	return do(func(_ context.Context, r *run) (string, error) {
		for _, e := range missing {
			r.notice("NOTICE", "00000", "%s, skipping", e.Message)
		}
		return t.Command, nil
	}), nil
}

// isIndex reports whether a table of the ledger has an index of this name.
func (e *Engine) isIndex(name string) bool {
	return slices.ContainsFunc(e.catalog.Tables, func(t catalog.Table) bool {
		return slices.ContainsFunc(t.Indexes, func(x catalog.Index) bool { return x.Name == name })
	})
}

// present answers CREATE TABLE and CREATE SCHEMA with IF NOT EXISTS where what it wants is there; else it returns nil.
func (a *analyzer) present(t *parse.Other) *compiled {
	if !t.IfNotExists || len(t.Objects) != 1 {
		return nil
	}
	name, code, called := t.Objects[0], "42P07", "relation"
	switch t.Command {
	case "CREATE TABLE":
		if _, err := a.session.engine.table(name, a.session); err != nil {
			return nil
		}
	case "CREATE SCHEMA":
		if code, called = "42P06", "schema"; name.Name != "public" && a.session.engine.system[name.Name] == nil {
			return nil
		}
	default:
		return nil
	}
	return do(func(_ context.Context, r *run) (string, error) {
		r.notice("NOTICE", code, "%s %q already exists, skipping", called, name.Name)
		return t.Command, nil
	})
}

// refusalHint says what to do instead of a statement that the server does not run.
func refusalHint(command string) string {
	verb, object, _ := strings.Cut(command, " ")
	switch {
	case object == "EXTENSION" && verb == "CREATE":
		return "Nothing can be installed. sha256() and its kin, gen_random_uuid() and encode() are there without an extension."
	case verb == "CREATE" || command == "IMPORT FOREIGN SCHEMA" || command == "REFRESH MATERIALIZED VIEW":
		return "The server holds the ledger and nothing else. Keep your own tables in a database of yours and join by digest or receipt."
	case command == "DO" || command == "CALL":
		return "The server has SQL alone and no procedural language: write the loop in the client."
	case command == "ALTER SYSTEM" || command == "ALTER DATABASE":
		return "SET changes a session, ALTER ROLE … SET limits a role, and the flags of jurat serve set up the server."
	case command == "COMMENT" || command == "SECURITY LABEL":
		return "The tables and their comments are the same on every server."
	case command == "GRANT" || command == "REVOKE" || command == "ALTER DEFAULT PRIVILEGES" || command == "REASSIGN OWNED" || command == "DROP OWNED":
		return "What a role may do follows from what it is: CREATE ROLE and ALTER ROLE say so, and GRANT of a predefined role."
	case command == "REINDEX" || command == "CLUSTER":
		return "Indexes look after themselves."
	case command == "ALTER ROLE":
		return "The name of a role stands in the proofs of what it filed and never changes. GRANT of a predefined role makes it a member."
	case verb == "ALTER" || verb == "DROP":
		return "The tables of the ledger, their indexes and functions are the same on every server."
	}
	return ""
}
