// Package parse turns SQL text into a tree and back. The language is that of PostgreSQL 15, with its reserved words, its
// precedences and its error messages.
//
// Parse reads a whole query string, which may hold several statements. A string with a mistake anywhere gives an *Error
// and no statement, as with Postgres. Trees are typed nodes with byte offsets (ast.go: statements, tables; expr_ast.go:
// expressions). Every node's String gives SQL that parses to the same tree again; parentheses stand where precedence
// needs them.
//
// The parser knows nothing of what exists: names are not looked up, types not derived, options not judged. It does what
// Postgres' own grammar does beyond that: it folds identifiers to lower case and cuts them to 63 bytes, undoes
// escapes, gives types and special function forms the names they stand for (int is pg_catalog.int4, EXTRACT a call of
// pg_catalog.extract), joins NOT and LIKE, flattens AND and OR, moves a minus into a constant.
//
// Statements that change what the ledger does not let change (DDL, MERGE, TRUNCATE …) are read by their heads alone and
// become an *Other. What Postgres' grammar has and nobody needs here (XML, WITH … SEARCH) is refused with
// 0A000.
//
// # How it works
//
// The lexer gives one token at a time and copies nothing that stands in the text as it is: a statement's tree refers to
// the memory of its text. The parser is recursive descent; expressions are read by precedence climbing. It looks one
// token ahead and never goes back: what a parenthesis holds, a query, a list or a join, shows while it is read (parens,
// tableParens). A mistake is a panic with an *Error, caught in Parse and nowhere else.
//
// # Against Postgres
//
// With JURAT_POSTGRES set, the tests compare verdicts, messages, positions, trees, names of columns and keywords with a
// real server. Known differences: AND, OR, NOT, IS, IN, LIKE and the like cannot be column labels without AS; of two
// mistakes in a statement Postgres may name the other; of statements read by their heads the rest may be anything.
//
// # Bounds
//
// No text can crash or stall the server. Time is linear in the length of the text. The text is at most MaxLength bytes
// long (54000), nesting at most 1,000 deep (54001); no tree is higher than 20,000 levels, the bound for chains such as
// 1+1+1 … (54001), so a recursive walk needs little stack; AND, OR and lists are flat and bounded by the length alone.
// Parameters go to $65535, select lists to 1,664 elements.
package parse
