package query

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// insertPlan is an analyzed INSERT INTO hashes.
type insertPlan struct {
	source    node // its columns go to the columns of target
	target    []int
	nothing   bool // ON CONFLICT DO NOTHING
	returning *projectNode
	direct    [][]int // of each row the parameters that it consists of; nil if it is not that simple
}

// hashesTable is the only table that takes rows.
func (a *analyzer) hashesTable(n parse.Name, what string) (*leafTable, error) {
	table, err := a.session.engine.table(n, a.session)
	if err != nil {
		return nil, a.fail(err, n)
	}
	if t, ok := table.(*leafTable); ok && t.def.Insertable {
		if !a.session.role.Kind.Files() {
			return nil, a.fail(errf(codeNoPrivilege, "permission denied for table %s", n.Name).on(n.Name).
				hint("Agencies file; this role's kind is %s.", a.session.role.Kind), n)
		}
		return t, nil
	}
	if !table.Def().Ledger {
		return nil, a.fail(errf(codeNoPrivilege, "permission denied for table %s", n.Name).on(n.Name), n)
	}
	kind := "table"
	if _, ok := table.(*view); ok {
		kind = "view"
	}
	return nil, a.fail(errf(codeNotInState, "cannot %s %s %q", what, kind, n.Name).
		hint("The ledger fills this table itself. File digests into hashes: INSERT INTO hashes (digest) VALUES (…)."), n)
}

func (a *analyzer) insert(stmt *parse.Insert) (*compiled, error) {
	p, err := a.insertPlan(stmt)
	if err != nil {
		return nil, err
	}
	c := &compiled{run: func(ctx context.Context, r *run) (*Result, error) { return r.insert(ctx, p) }}
	if p.direct != nil {
		c.direct = p
	}
	if p.returning != nil {
		c.cols = p.returning.cols
	}
	return c, nil
}

func (a *analyzer) insertPlan(stmt *parse.Insert) (*insertPlan, error) {
	saved := a.ctes
	defer func() { a.ctes = saved }()
	if stmt.With != nil {
		if err := a.with(stmt.With); err != nil {
			return nil, err
		}
	}
	t, err := a.hashesTable(stmt.Table.Name, "insert into")
	if err != nil {
		return nil, err
	}
	p := &insertPlan{}
	if p.target, err = a.insertColumns(t, stmt.Cols); err != nil {
		return nil, err
	}
	if stmt.Source == nil {
		p.source, p.target = &valuesNode{rows: [][]expr{{}}}, nil
	} else if err := a.insertSource(t, stmt, p); err != nil {
		return nil, err
	}
	if err := a.onConflict(stmt.OnConflict, p); err != nil {
		return nil, err
	}
	if stmt.Returning == nil && !p.nothing {
		p.direct = directRows(p.source)
	}
	return p, a.returning(t, stmt, p)
}

// directRows returns the parameters that rows of VALUES consist of, nil if there is anything else in them.
func directRows(source node) [][]int {
	values, ok := source.(*valuesNode)
	if !ok {
		return nil
	}
	var rows [][]int
	for _, exprs := range values.rows {
		row := make([]int, len(exprs))
		for k, e := range exprs {
			p, ok := e.(*paramExpr)
			if !ok {
				return nil
			}
			row[k] = p.n
		}
		rows = append(rows, row)
	}
	return rows
}

// insertColumns finds the columns that values go to.
func (a *analyzer) insertColumns(t *leafTable, cols []parse.Column) ([]int, error) {
	var target []int
	if cols == nil {
		for i, c := range t.def.Columns {
			if !c.Hidden {
				target = append(target, i)
			}
		}
		return target, nil
	}
	for _, c := range cols {
		i := t.def.Column(c.Name)
		if i < 0 {
			return nil, a.fail(errf(codeUndefinedColumn, "column %q of relation %q does not exist", c.Name, t.def.Name), c)
		}
		if slices.Contains(target, i) {
			return nil, a.fail(errf(codeDuplicateColumn, "column %q specified more than once", c.Name), c)
		}
		target = append(target, i)
	}
	return target, nil
}

// insertSource analyzes the rows of an INSERT and coerces them to the types of their columns.
func (a *analyzer) insertSource(t *leafTable, stmt *parse.Insert, p *insertPlan) error {
	source := stmt.Source
	if source.Values != nil {
		source = withoutDefaults(source)
	}
	want := make([]*value.Type, len(p.target))
	for i, c := range p.target {
		want[i] = t.def.Columns[c].Type
	}
	plan, err := a.query(source, want)
	if err != nil {
		return err
	}
	cols := plan.columns()
	if len(cols) > len(p.target) {
		return a.fail(errf(codeSyntax, "INSERT has more expressions than target columns"), source)
	}
	if len(cols) < len(p.target) && stmt.Cols != nil {
		return a.fail(errf(codeSyntax, "INSERT has more target columns than expressions"), stmt.Cols[len(cols)])
	}
	p.target = p.target[:len(cols)]
	project := &projectNode{in: plan}
	changed := false
	for i, c := range cols {
		x, err := a.coerce(&columnExpr{index: i, t: c.Type, name: c.Name}, want[i], fn.Assignment)
		if err != nil {
			e := errf(codeDatatypeMismatch, "column %q is of type %s but expression is of type %s", t.def.Columns[p.target[i]].Name, want[i].SQL, c.Type.SQL)
			return a.fail(e.hint("You will need to rewrite or cast the expression."), source)
		}
		changed = changed || c.Type != want[i]
		project.exprs = append(project.exprs, x)
		project.cols = append(project.cols, Column{Name: c.Name, Type: want[i], TypeModifier: -1})
	}
	p.source = plan
	if changed {
		p.source = project
	}
	return nil
}

// withoutDefaults replaces DEFAULT by NULL, which stands for the same in every column that has a default.
func withoutDefaults(q *parse.Select) *parse.Select {
	c := *q
	c.Values = nil
	for _, row := range q.Values {
		row = slices.Clone(row)
		for i, e := range row {
			if d, ok := e.(*parse.Default); ok {
				row[i] = &parse.Literal{Loc: d.Loc, Kind: parse.Null}
			}
		}
		c.Values = append(c.Values, row)
	}
	return &c
}

func (a *analyzer) onConflict(c *parse.OnConflict, p *insertPlan) error {
	if c == nil {
		return nil
	}
	if c.Update {
		return a.fail(errf(codeUnsupported, "ON CONFLICT DO UPDATE is not supported").
			hint("A ledger changes nothing that was filed. ON CONFLICT DO NOTHING leaves out what was filed before."), c)
	}
	ok := c.Constraint == "" && c.TargetWhere == nil
	if len(c.Target) > 0 {
		ref, isRef := c.Target[0].(*parse.ColumnRef)
		ok = ok && len(c.Target) == 1 && isRef && len(ref.Parts) == 1 && ref.Parts[0] == "digest"
	}
	if !ok {
		return a.fail(errf(codeInvalidColumnRef, "there is no unique or exclusion constraint matching the ON CONFLICT specification").
			hint("Write ON CONFLICT DO NOTHING or ON CONFLICT (digest) DO NOTHING."), c)
	}
	p.nothing = true
	return nil
}

// returning analyzes RETURNING over the columns of hashes and the computed ones of proofs.
func (a *analyzer) returning(t *leafTable, stmt *parse.Insert, p *insertPlan) error {
	if stmt.Returning == nil {
		return nil
	}
	proofs := freshProofs(a.session.engine, &t.def)
	name := cmp.Or(stmt.Table.Alias.Name, t.def.Name)
	s := &scope{}
	leaf := &leafNode{}
	for i, c := range proofs.Columns {
		col := Column{Name: c.Name, Type: c.Type, TypeModifier: -1}
		switch {
		case i <= colFiledAt:
			col.Table, col.Attribute = t.def.OID, int16(i+1)
		case c.System != 0:
			col.Table, col.Attribute = t.def.OID, c.System
		}
		leaf.cols = append(leaf.cols, col)
		if !c.Hidden || c.System != 0 {
			s.cols = append(s.cols, scopeColumn{schema: "public", table: name, name: c.Name, x: tableColumn(proofs, i), from: col, aside: i > colFiledAt, row: t.def.Row})
		}
	}
	p.returning = &projectNode{in: leaf}
	return a.targets(s, stmt.Returning, p.returning, nil, clauseReturning, false)
}

// freshProofs is the table proofs as RETURNING sees it.
func freshProofs(e *Engine, hashes *TableDef) *TableDef {
	def := *e.tables["proofs"].Def()
	def.Columns = slices.Clone(def.Columns)
	def.Columns[colSignature].Compute = signatureKernel(signFresh(e.Ledger))
	def.Columns[colProof].Compute = proofKernel(signFresh(e.Ledger))
	def.Columns[len(def.Columns)-1].Compute = hashes.Columns[len(hashes.Columns)-1].Compute // tableoid
	return &def
}

// leafNode stands for the leaves that an INSERT filed, in the columns of proofs.
type leafNode struct{ cols []Column }

func (n *leafNode) columns() []Column { return n.cols }

// A filer takes rows for hashes, checks them and sorts them into parts. A lane with many leaves has many parts: leaves are
// written once and not moved again when there are more.
type filer struct {
	session *Session
	nothing bool
	copied  bool // by COPY
	parts   []Part
	lane    map[string]int // newest part of each lane
	order   []place        // of each row; kept where wanted
	keep    bool
	count   int
	bytes   int64           // of the digests; of the memory of parts that are counted so
	seen    map[string]bool // digests of this statement, for ON CONFLICT DO NOTHING
}

// Sizes of parts in leaves. Each part of a lane is larger than the one before, so that little stays unused; all but a last
// one are made of whole runs of the store.
const (
	smallPart  = 1 << 10 // up to here a part grows as needed
	largePart  = 1 << 16
	partGrowth = 4
)

// place is where a row stands in the parts.
type place struct{ part, index int }

// checkLane returns the error for a lane that no agency has.
func checkLane(lane string) error {
	if lane == LaneMain || lane == LaneSeal || lane == LaneKSI || lane == LaneStatus {
		return nil
	}
	return errf(codeInvalidParameter, "lane %q does not exist", lane).
		hint("The lanes are %s, %s (printed seals), %s (of seals) and %s (roots of the agency's own trees).", LaneMain, LaneSeal, LaneStatus, LaneKSI)
}

// algorithm returns the algorithm of a name that may be filed.
func algorithm(name string) (merkle.Algorithm, error) {
	alg, err := merkle.ParseAlgorithm(name)
	if err == nil && alg != merkle.SHA1 {
		return alg, nil
	}
	e := errf(codeInvalidParameter, "hash algorithm %q does not exist", name)
	if err == nil {
		e = errf(codeInvalidParameter, "hash algorithm %q is deprecated", name)
		e.Detail = "Collisions of SHA-1 can be made, so a proof over it proves nothing."
	}
	return 0, e.hint("The algorithms are %s.", strings.Join(fileable(), ", "))
}

// fileable returns the names of the algorithms whose digests may be filed.
func fileable() (names []string) {
	for a := merkle.SHA256; a <= merkle.SM3; a++ {
		if a.Size() > 0 {
			names = append(names, a.String())
		}
	}
	return names
}

// wrongLength is the error for a digest that cannot be one of its algorithm.
func wrongLength(alg merkle.Algorithm, digest []byte) *Error {
	e := errf(codeCheck, "new row for relation \"hashes\" violates check constraint \"hashes_digest_length\"")
	e.Schema, e.Table, e.Constraint = "public", "hashes", "hashes_digest_length"
	e.Detail = "The digest has " + plural(len(digest), "byte") + ", a " + alg.String() + " digest has " + itoa(alg.Size()) + "."
	var fits []string
	for _, name := range fileable() {
		if a, _ := merkle.ParseAlgorithm(name); a.Size() == len(digest) {
			fits = append(fits, name)
		}
	}
	switch {
	case len(digest) == 2*alg.Size() && isHex(digest):
		return e.hint("This looks like the digest written in hex: prefix the text with \\x or use decode(…, 'hex').")
	case bytes.HasPrefix(digest, []byte("0x")):
		return e.hint("Write \\x instead of 0x before the hex digits.")
	case len(digest) == base64.StdEncoding.EncodedLen(alg.Size()) && isBase64(digest):
		return e.hint("This looks like the digest written in base64: use decode(…, 'base64').")
	case len(fits) > 0:
		return e.hint("A digest of %d bytes may be one of %s: name it in the column algorithm.", len(digest), strings.Join(fits, ", "))
	}
	return e.hint("File the hash of the document, not the document: INSERT INTO hashes (digest) VALUES (sha256(…)).")
}

// plural writes a count with its unit: "1 byte", "2 bytes".
func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return itoa(n) + " " + unit + "s"
}

func isHex(b []byte) bool {
	_, err := hex.DecodeString(string(b))
	return err == nil
}

func isBase64(b []byte) bool {
	_, err := base64.StdEncoding.DecodeString(string(b))
	return err == nil
}

// nullDigest is the error for a row without digest.
func nullDigest() *Error {
	e := errf(codeNotNull, "null value in column \"digest\" of relation \"hashes\" violates not-null constraint")
	e.Schema, e.Table, e.Column = "public", "hashes", "digest"
	return e.hint("Give the digest of the document: INSERT INTO hashes (digest) VALUES (sha256(…)).")
}

// assigned is the error for a value in a column that the server fills.
func assigned(column string) *Error {
	e := errf(codeGeneratedAlways, "cannot insert a non-DEFAULT value into column %q", column)
	e.Schema, e.Table, e.Column = "public", "hashes", column
	e.Detail = "The server fills the column " + fn.QuoteIdent(column) + " when it files the digest."
	return e.hint("Leave the column out, or give NULL or DEFAULT.")
}

// part returns the part that takes the next leaf of a lane; ok is false if that is a new one for which there is no memory now. A new
// part counts with all of its memory. total is what the transaction takes with it.
func (f *filer) part(alg merkle.Algorithm, lane string) (i int, total int64, ok bool) {
	s := f.session
	i, ok = f.lane[lane]
	if !ok {
		if f.lane == nil {
			f.lane = map[string]int{}
		}
		return f.newPart(lane, merkle.Leaves{}), 0, true
	}
	l := &f.parts[i].Leaves
	if l.Len() < smallPart || len(l.Room(alg)) > 0 {
		return i, 0, true
	}
	n := min(partGrowth*l.Len(), largePart)
	for n/partGrowth >= smallPart && !s.canHold(s.tx.bytes+f.bytes+int64(n*alg.Size())) {
		n /= partGrowth
	}
	bytes := int64(n * alg.Size())
	if total = s.tx.bytes + f.bytes + bytes; !s.mayHoldNow(total) {
		return i, total, false
	}
	if n == largePart {
		i = f.newPart(lane, s.largeLeaves(alg))
	} else {
		i = f.newPart(lane, merkle.MakeLeaves(alg, n))
	}
	f.bytes += bytes
	f.parts[i].counted = true
	return i, total, true
}

func (f *filer) newPart(lane string, l merkle.Leaves) int {
	f.lane[lane] = len(f.parts)
	f.parts = append(f.parts, Part{Lane: lane, New: f.nothing, Leaves: l, copied: f.copied})
	return len(f.parts) - 1
}

// room returns memory for more digests of alg in a lane, written one behind the other and taken in by extend. It is empty
// when the transaction must not have more, or not at once.
func (f *filer) room(alg merkle.Algorithm, lane string) []byte {
	s, size := f.session, alg.Size()
	left := s.engine.TransactionLeaves - s.tx.leaves - f.count
	if left <= 0 {
		return nil
	}
	p, _, ok := f.part(alg, lane)
	if !ok {
		return nil
	}
	l := &f.parts[p].Leaves
	if !f.parts[p].counted {
		if l.Len() == 0 && len(l.Room(alg)) == 0 {
			*l = merkle.MakeLeaves(alg, smallPart)
		}
		left = min(left, len(l.Room(alg))/size)
		if !s.mayHoldNow(s.tx.bytes + f.bytes + int64(left*size)) {
			return nil
		}
	}
	room := l.Room(alg)
	return room[:min(len(room), left*size)]
}

// extend takes in n digests of alg that were written to the room of a lane.
func (f *filer) extend(alg merkle.Algorithm, lane string, n int) {
	p := &f.parts[f.lane[lane]]
	p.Leaves.Extend(n)
	f.count += n
	if !p.counted {
		f.bytes += int64(n * alg.Size())
	}
}

// add takes one digest, whose length must be that of alg.
func (f *filer) add(ctx context.Context, alg merkle.Algorithm, lane string, digest []byte) error {
	s := f.session
	if f.nothing {
		filed, err := f.known(ctx, digest)
		if err != nil {
			return err
		}
		if filed {
			f.place(-1, 0)
			return nil
		}
	}
	if f.count++; s.tx.leaves+f.count > s.engine.TransactionLeaves {
		return s.tooMany()
	}
	p, total, ok := f.part(alg, lane)
	if !ok {
		if err := s.mayHold(ctx, total); err != nil {
			return err
		}
		p, _, _ = f.part(alg, lane)
	}
	if !f.parts[p].counted {
		f.bytes += int64(len(digest))
		if err := s.mayHold(ctx, s.tx.bytes+f.bytes); err != nil {
			return err
		}
	}
	f.place(p, f.parts[p].Leaves.Len())
	f.parts[p].Leaves.AppendDigests(alg, digest)
	return nil
}

func (f *filer) place(part, index int) {
	if f.keep {
		f.order = append(f.order, place{part, index})
	}
}

// known reports whether the agency has filed a digest, or is about to.
func (f *filer) known(ctx context.Context, digest []byte) (bool, error) {
	if f.seen[string(digest)] || f.session.holds(digest) {
		return true, nil
	}
	leaves, err := f.session.engine.Ledger.Find(ctx, nil, f.session.role.Name, digest)
	if err != nil || len(leaves) > 0 {
		return true, err
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[string(digest)] = true
	return false, nil
}
