package query

import (
	"context"
	"math"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// freeRows is how many bytes of rows a cursor keeps although SCROLL was not asked for. As long as they fit, it goes back as
// one with SCROLL does: most cursors are small, and Postgres lets most of them go back.
const freeRows = 1 << 20

// A cursor moves over the rows of a query, forward and, as far as it keeps rows, back. Its rows are those that the ledger
// held at DECLARE.
//
// Position 0 is before the first row, position n on row n; one behind the last row is the end.
type cursor struct {
	created  int         // ordinal among the session's cursors
	at       value.Datum // when it was declared, a timestamptz
	binary   bool
	scroll   bool // SCROLL was written
	noScroll bool // NO SCROLL was written
	hold     bool // lives on after COMMIT
	held     bool // its transaction is committed
	failed   bool // an error ended it

	x       *execution
	op      operator  // nil once all rows are read
	rows    *rowStore // rows dropped+1 to dropped+rows.n
	dropped int64
	pos     int64
}

// read returns how many rows the cursor has read so far.
func (c *cursor) read() int64 { return c.dropped + int64(c.rows.n) }

// more reads the next rows; false means that there are none. Rows that were given out are dropped unless they are kept.
func (c *cursor) more() (bool, error) {
	if c.op == nil {
		return false, nil
	}
	if c.pos >= c.read() && (c.noScroll || !c.scroll && (c.dropped > 0 || c.rows.bytes > freeRows)) {
		c.dropped = c.read()
		c.rows.free()
	}
	b, err := c.op.next()
	if err == nil && b != nil {
		err = c.rows.add(b)
	}
	if err != nil {
		c.failed = true
		c.close()
		return false, err
	}
	if b == nil {
		c.op.close()
		c.op = nil
		c.x.leave(c.rows)
	}
	return b != nil, nil
}

// mayGoBack returns nil if the cursor can go back.
func (c *cursor) mayGoBack() error {
	if c.noScroll || c.dropped > 0 {
		return errf(codeNotInState, "cursor can only scan forward").hint("Declare it with SCROLL option to enable backward scan.")
	}
	return nil
}

// forward goes on by up to n rows, but not past what is read, and reads if nothing is left. It returns the first and the
// number of the rows that it went over; none means the end, behind the last row.
func (c *cursor) forward(n int64) (first, count int64, err error) {
	if c.pos >= c.read() {
		if ok, err := c.more(); !ok || err != nil {
			c.pos = c.read() + 1
			return 0, 0, err
		}
	}
	count = min(n, c.read()-c.pos)
	first = c.pos + 1
	c.pos += count
	return first, count, nil
}

// skip goes forward by up to n rows.
func (c *cursor) skip(n int64) error {
	for n > 0 {
		if err := c.x.check(); err != nil {
			return err
		}
		_, count, err := c.forward(n)
		if err != nil || count == 0 {
			return err
		}
		n -= count
	}
	return nil
}

// close lets go of what the cursor holds.
func (c *cursor) close() {
	if c.op != nil {
		c.op.close()
		c.op = nil
	}
	c.rows.free()
	c.x.session.endRun(c.x.grant)
}

// persist reads the rest of the rows, so that the cursor needs its query no more.
func (c *cursor) persist(ctx context.Context) error {
	limit, cancel := c.x.session.limit(ctx, c.x)
	defer cancel()
	c.x.env.Ctx = limit
	for c.op != nil {
		if err := c.x.check(); err != nil {
			return err
		}
		if _, err := c.more(); err != nil {
			return stopped(limit, err)
		}
	}
	c.held = true
	return nil
}

// persistCursors makes the cursors WITH HOLD live on after the commit that comes.
func (s *Session) persistCursors(ctx context.Context) error {
	for _, p := range s.portals {
		if c := p.cursor; c != nil && c.hold && !c.held && !c.failed {
			c.x.env.Statement = value.FromTime(s.engine.Clock()) // statement_timeout counts from here
			if err := c.persist(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// declare analyzes DECLARE.
func (a *analyzer) declare(t *parse.DeclareCursor) (*compiled, error) {
	switch {
	case t.Scroll && t.NoScroll:
		return nil, errf(codeCursorDefinition, "cannot specify both SCROLL and NO SCROLL")
	case t.Insensitive && t.Asensitive:
		return nil, errf(codeCursorDefinition, "cannot specify both ASENSITIVE and INSENSITIVE")
	}
	plan, err := a.query(t.Query, nil)
	if err != nil {
		return nil, err
	}
	var c *compiled
	c = do(func(ctx context.Context, r *run) (string, error) {
		if !t.Hold && !r.inBlock() {
			return "", errf(codeNoTransaction, "DECLARE CURSOR can only be used in transaction blocks").
				hint("Begin a transaction, or declare the cursor WITH HOLD.")
		}
		if r.portals[t.Name] != nil {
			return "", errf(codeDuplicateCursor, "cursor %q already exists", t.Name)
		}
		x := r.execution(ctx, r.params)
		x.freeze()
		op, err := x.start(plan, everything)
		if err != nil {
			return "", err
		}
		r.cursors++
		cur := &cursor{created: r.cursors, at: timestamp(r.engine.Clock()), binary: t.Binary, scroll: t.Scroll, noScroll: t.NoScroll, hold: t.Hold, x: x, op: op}
		cur.rows = newRowStore(x, rowColumns(plan))
		kept := cursorBytes + int64(len(t.Name)) + a.textBytes() + c.bytes
		if err := r.keepCursor(x, kept); err != nil {
			op.close()
			return "", err
		}
		p := &prepared{c: &compiled{cols: rowColumns(plan)}, sql: c.text}
		p.hold()
		r.portals[t.Name] = &Portal{stmt: p, cursor: cur, kept: kept}
		return "DECLARE CURSOR", nil
	})
	return c, nil
}

// keepCursor counts a cursor, and what its run takes, with what the session keeps.
func (s *Session) keepCursor(x *execution, bytes int64) error {
	if err := s.keep(bytes); err != nil {
		return err
	}
	err := s.keepRun(x.grant)
	if err != nil {
		s.drop(bytes)
	}
	return err
}

// cursor returns the open cursor of a name.
func (s *Session) cursor(name string) (*Portal, error) {
	p := s.portals[name]
	switch {
	case p == nil:
		return nil, errf(codeUndefinedCursor, "cursor %q does not exist", name)
	case p.cursor == nil:
		return nil, errf(codeUnsupported, "portal %q is none of DECLARE", name).hint("Go on with it by the protocol's Execute message.")
	case p.cursor.failed:
		return nil, errf(codeNotInState, "portal %q cannot be run", name)
	}
	return p, nil
}

// closeCursor analyzes CLOSE.
func (a *analyzer) closeCursor(t *parse.CloseCursor) (*compiled, error) {
	return do(func(_ context.Context, r *run) (string, error) {
		if t.Name == "" {
			r.closeCursors(func(*cursor) bool { return true })
			return "CLOSE CURSOR ALL", nil
		}
		if p := r.portals[t.Name]; p == nil {
			return "", errf(codeUndefinedCursor, "cursor %q does not exist", t.Name)
		}
		r.ClosePortal(t.Name)
		return "CLOSE CURSOR", nil
	}), nil
}

// closeCursors closes the cursors that which chooses.
func (s *Session) closeCursors(which func(*cursor) bool) {
	for name, p := range s.portals {
		if p.cursor != nil && which(p.cursor) {
			s.ClosePortal(name)
		}
	}
}

// fetch analyzes FETCH and MOVE. The columns are those that the cursor has now.
func (a *analyzer) fetch(t *parse.Fetch) (*compiled, error) {
	c := &compiled{}
	if p := a.session.portals[t.Cursor]; p != nil && !t.Move {
		c.cols = p.stmt.c.cols
	}
	c.run = func(ctx context.Context, r *run) (*Result, error) {
		p, err := r.cursor(t.Cursor)
		if err != nil {
			return nil, err
		}
		cur := p.cursor
		x := r.execution(ctx, nil)
		limit, cancel := r.limit(ctx, x)
		defer cancel()
		cur.x.env.Ctx = limit
		f, err := cur.seek(t)
		if err != nil {
			return nil, stopped(limit, err)
		}
		f.x = x
		if !t.Move {
			f.cols = p.stmt.c.cols
			return &Result{session: r.Session, cols: f.cols, x: x, op: f, tag: "FETCH", counted: true, binary: cur.binary}, nil
		}
		moved, err := f.move()
		if err != nil {
			return nil, stopped(limit, err)
		}
		return r.tagged("MOVE " + itoa(int(moved))), nil
	}
	return c, nil
}

// A fetchOp gives the rows of one FETCH.
type fetchOp struct {
	oneRowOp
	c    *cursor
	x    *execution // of the FETCH
	cols []Column
	back bool
	left int64 // rows still to give
	out  value.Batch
}

// seek goes to where a FETCH starts and returns what gives its rows, as Postgres' DoPortalRunFetch does.
func (c *cursor) seek(t *parse.Fetch) (*fetchOp, error) {
	f := &fetchOp{c: c, left: t.Count}
	switch t.Direction {
	case parse.FetchAbsolute:
		return f, c.absolute(f, t.Count)
	case parse.FetchRelative:
		return f, c.relative(f, t.Count, t.Move)
	}
	f.back = t.Direction == parse.FetchBackward
	if t.All {
		f.left = math.MaxInt64
	}
	if f.left < 0 {
		f.back, f.left = !f.back, -f.left
	}
	if f.left == 0 {
		return f, c.again(f, t.Move)
	}
	if f.back {
		return f, c.mayGoBack()
	}
	return f, nil
}

// again has f give the row that the cursor is on, if it is on one. To MOVE that needs no way back.
func (c *cursor) again(f *fetchOp, move bool) error {
	if f.back, f.left = false, 0; c.pos == 0 || c.pos > c.read() {
		return nil
	}
	f.left = 1
	if !move {
		if err := c.mayGoBack(); err != nil {
			return err
		}
	}
	c.pos--
	return nil
}

// absolute goes to before row n, from the end if n is negative, and has f give that row.
func (c *cursor) absolute(f *fetchOp, n int64) error {
	f.left = min(1, max(n, -n))
	target := n - 1
	if n < 0 {
		if err := c.skip(math.MaxInt64); err != nil {
			return err
		}
		if err := c.mayGoBack(); err != nil {
			return err
		}
		if target = c.read() + n; target < 0 {
			f.left, target = 0, 0
		}
	}
	return c.place(max(0, target))
}

// relative goes to before the row n rows from here and has f give that row.
func (c *cursor) relative(f *fetchOp, n int64, move bool) error {
	if n == 0 {
		return c.again(f, move)
	}
	f.left = 1
	if n > 0 {
		err := c.skip(n - 1)
		return err
	}
	if err := c.mayGoBack(); err != nil {
		return err
	}
	if c.pos += n; c.pos < 1 {
		f.left, c.pos = 0, 0
		return nil
	}
	c.pos--
	return nil
}

// place goes to a position.
func (c *cursor) place(target int64) error {
	if target >= c.pos {
		err := c.skip(target - c.pos)
		return err
	}
	if err := c.mayGoBack(); err != nil {
		return err
	}
	c.pos = target
	return nil
}

// step goes over the next rows of f and returns the lowest and the number of them; none ends.
func (f *fetchOp) step() (first, count int64, err error) {
	c := f.c
	switch {
	case f.left == 0:
		return 0, 0, nil
	case f.back:
		c.pos = min(c.pos, c.read()+1)
		count = min(f.left, c.pos-1, value.BatchSize)
		if count <= 0 {
			c.pos = 0
			return 0, 0, nil
		}
		c.pos -= count
		first = c.pos
	default:
		first, count, err = c.forward(min(f.left, value.BatchSize))
	}
	f.left -= count
	return first, count, err
}

// move goes over all rows and returns their number.
func (f *fetchOp) move() (n int64, err error) {
	for {
		if err := f.c.x.check(); err != nil {
			return n, err
		}
		_, count, err := f.step()
		if err != nil || count == 0 {
			return n, err
		}
		n += count
	}
}

func (f *fetchOp) next() (*value.Batch, error) {
	f.c.x.env.Ctx = f.x.env.Ctx
	first, count, err := f.step()
	if err != nil || count == 0 {
		return nil, err
	}
	sel := make([]int32, count)
	for i := range sel {
		at := first + int64(i)
		if f.back {
			at = first + count - 1 - int64(i)
		}
		sel[i] = int32(at - 1 - f.c.dropped)
	}
	f.c.rows.gather(&f.out, sel)
	return &f.out, nil
}
