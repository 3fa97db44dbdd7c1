package query

import (
	"context"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// sealFunctions are those around printed seals. Those that take dates, a profile or a successor may be given null for it.
func (c *ledgerCalls) sealFunctions() []*fn.Function {
	text, moment, bytea := value.TextOID, value.TimestamptzOID, value.ByteaOID
	content := []value.OID{value.JSONBOID, bytea, moment, moment, text}
	declare := func(oid value.OID, name string, ret value.OID, f rowFunc, args ...value.OID) *fn.Function {
		return &fn.Function{OID: oid, Name: name, Args: args, Ret: ret, Volatility: fn.Stable, Kernel: f.kernel}
	}
	return []*fn.Function{
		declare(16550, "seal_leaf", bytea, sealLeaf, content[:2]...),
		declare(16551, "seal_leaf", bytea, sealLeaf, content[:4]...),
		declare(16552, "seal", text, c.seal, content[:2]...),
		declare(16553, "seal", text, c.seal, content[:4]...),
		declare(16554, "seal", text, c.seal, content...),
		declare(16555, "seal_path", bytea, c.sealPath, bytea),
		declare(16556, "seal_path", bytea, c.sealPath, bytea, text),
		declare(16557, "seal_status", bytea, sealStatus, bytea, text),
		declare(16558, "seal_status", bytea, sealStatus, bytea, text, bytea),
		declare(16562, "seal_status_end", bytea, sealStatusEnd),
		scalar(16559, "landmarks_file", bytea, c.landmarksFile),
		scalar(16560, "landmarks_file", bytea, c.landmarksFile, moment),
		scalar(16561, "landmark_detail", bytea, c.landmarkDetail, moment),
	}
}

// sealContent makes the content of a seal of fields, salt and dates; ok is false if fields or salt are null.
func sealContent(args []value.Datum) (c seal.Content, ok bool, err error) {
	if args[0].Null || args[1].Null {
		return c, false, nil
	}
	if c.Fields, err = seal.FieldsFromJSON(args[0].B); err != nil {
		return c, false, errf(codeInvalidParameter, "%s", err.Error())
	}
	if len(args[1].B) != seal.SaltSize {
		return c, false, errf(codeInvalidParameter, "a salt has %d bytes, this one has %d", seal.SaltSize, len(args[1].B)).
			hint("Take a random one for each seal, and keep it: without it the seal cannot be made again.")
	}
	c.Salt = [seal.SaltSize]byte(args[1].B)
	for i, date := range []*calendar.Second{&c.NotBefore, &c.NotAfter} {
		if 2+i >= len(args) || args[2+i].Null {
			continue
		}
		if *date = roundOf(args[2+i].I); *date <= 0 || value.FromTime(date.Time()) != args[2+i].I {
			return c, false, errf(codeInvalidParameter, "a date of a seal is a whole second after 1970").
				hint("date_trunc('second', …) cuts the fraction off.")
		}
	}
	if err := c.Check(); err != nil {
		return c, false, errf(codeInvalidParameter, "%s", err.Error())
	}
	return c, true, nil
}

// sealLeaf gives the digest to file for a seal.
func sealLeaf(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	c, ok, err := sealContent(args)
	if err != nil || !ok {
		return value.Null(value.Bytea), err
	}
	leaf := c.Leaf()
	return value.NewBytes(value.Bytea, leaf[:]), nil
}

// profileOf reads the name of a profile, null standing for whichever there is.
func profileOf(d value.Datum) (*seal.Profile, error) {
	if d.Null {
		return nil, nil
	}
	p, err := seal.ParseProfile(string(d.B))
	if err != nil {
		return nil, errf(codeInvalidParameter, "%s", err.Error())
	}
	return &p, nil
}

// seal gives the text of a seal whose leaf is filed.
func (c *ledgerCalls) seal(env *fn.Env, args []value.Datum) (value.Datum, error) {
	content, ok, err := sealContent(args)
	if err != nil || !ok {
		return value.Null(value.Text), err
	}
	profile := value.Null(value.Text)
	if len(args) > 4 {
		profile = args[4]
	}
	path, err := c.findPath(env, content.Leaf(), profile)
	if err != nil {
		return value.Datum{}, err
	}
	s, err := seal.New(path, &content)
	if err == nil {
		err = s.CheckSize()
	}
	if err != nil {
		return value.Datum{}, errf(codeProgramLimit, "%s", err.Error())
	}
	return value.NewText(s.Text()), nil
}

// sealPath gives all of a seal but its content, for a leaf that is filed: what the fields are never gets here.
func (c *ledgerCalls) sealPath(env *fn.Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Null(value.Bytea), nil
	}
	if len(args[0].B) != len(merkle.Digest{}) {
		return value.Datum{}, errf(codeInvalidParameter, "the leaf of a seal has %d bytes, this has %d", len(merkle.Digest{}), len(args[0].B))
	}
	profile := value.Null(value.Text)
	if len(args) > 1 {
		profile = args[1]
	}
	path, err := c.findPath(env, merkle.Digest(args[0].B), profile)
	if err != nil {
		return value.Datum{}, err
	}
	data, err := path.Append(nil)
	return value.NewBytes(value.Bytea, data), err
}

// findPath returns the path of the first leaf of a digest that the session may see in a lane seal.
func (c *ledgerCalls) findPath(env *fn.Env, leaf merkle.Digest, profile value.Datum) (*seal.Path, error) {
	wanted, err := profileOf(profile)
	if err != nil {
		return nil, err
	}
	s, ok := env.Session.(*Session)
	if !ok || !s.role.Kind.readsFilings() {
		return nil, errf(codeNoPrivilege, "permission denied for seals").hint("Operators see no filings.")
	}
	found, err := c.ledger.Find(env.Ctx, nil, s.visibleAgency(), leaf[:])
	if err != nil {
		return nil, err
	}
	slots := c.ledger.Slots()
	i := slices.IndexFunc(found, func(l Leaf) bool { return slots[l.Slot].Lane == LaneSeal && l.Imprint.Algorithm() == merkle.SHA256 })
	if i < 0 {
		return nil, errf("02000", "no seal with leaf %s is filed", leaf).
			hint("File it first: INSERT INTO hashes (digest, lane) VALUES (seal_leaf(…), 'seal'). Fields, salt and dates must be the same.")
	}
	return c.ledger.SealPath(env.Ctx, found[i].Position, wanted)
}

// sealStatus gives the digest to file in the lane status for a seal.
func sealStatus(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null || args[1].Null {
		return value.Null(value.Bytea), nil
	}
	kind, err := seal.ParseStatusKind(string(args[1].B))
	if err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	leaves := make([]merkle.Digest, 0, 2)
	for _, i := range []int{0, 2} {
		if i >= len(args) || args[i].Null {
			continue
		}
		if len(args[i].B) != len(merkle.Digest{}) {
			return value.Datum{}, errf(codeInvalidParameter, "the leaf of a seal has %d bytes, this has %d", len(merkle.Digest{}), len(args[i].B))
		}
		leaves = append(leaves, merkle.Digest(args[i].B))
	}
	var successor *merkle.Digest
	if len(leaves) > 1 {
		successor = &leaves[1]
	}
	all, err := seal.StatusLeaves(leaves[0], kind, successor)
	if err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	last := all[len(all)-1]
	return value.NewBytes(value.Bytea, last[:]), nil
}

// sealStatusEnd gives the digest that ends what an agency says in a second of the lane status.
func sealStatusEnd(*fn.Env, []value.Datum) (value.Datum, error) {
	end := seal.StatusEnd()
	return value.NewBytes(value.Bytea, end[:]), nil
}

// landmarksFile gives the file of landmarks, from that of a moment on if one is given.
func (c *ledgerCalls) landmarksFile(env *fn.Env, args []value.Datum) (value.Datum, error) {
	from := calendar.Second(0)
	if len(args) > 0 {
		from = max(0, roundOf(args[0].I))
	}
	data, err := c.ledger.LandmarksFile(env.Ctx, from)
	return value.NewBytes(value.Bytea, data), err
}

// landmarkDetail gives the round roots of the block that a moment is in.
func (c *ledgerCalls) landmarkDetail(env *fn.Env, args []value.Datum) (value.Datum, error) {
	at := roundOf(args[0].I)
	if at < 0 {
		return value.Datum{}, errf(codeInvalidParameter, "the calendar begins in 1970")
	}
	data, err := c.ledger.BlockDetail(env.Ctx, landmark.BlockOf(at))
	return value.NewBytes(value.Bytea, data), err
}

// landmarkTable is landmarks: every closed block since the ledger's first second.
type landmarkTable struct {
	def    TableDef
	ledger Ledger
}

func newLandmarkTable(l Ledger, oid value.OID) *landmarkTable {
	return &landmarkTable{ledger: l, def: TableDef{OID: oid, Schema: "public", Name: "landmarks", Ledger: true, Columns: []ColumnDef{
		{Name: "block", Type: value.Int8, NotNull: true},
		{Name: "first_second", Type: value.Timestamptz, NotNull: true},
		{Name: "root", Type: value.Bytea, NotNull: true},
		{Name: "idle", Type: value.Bool, NotNull: true},
	}}}
}

func (t *landmarkTable) Def() *TableDef { return &t.def }

// Plan reads the blocks that the constraints on the number leave, ascending.
func (t *landmarkTable) Plan(r *ScanRequest) (*Path, error) {
	l := r.ledger(t.ledger)
	p := &Path{Used: make([]bool, len(r.Where)), Rows: 10_000}
	from, to := calendar.Second(0), calendar.LastWritable
	for i, c := range r.Where {
		if c.Column == 0 {
			p.Used[i] = narrowRounds(&from, &to, c, value.Int8)
		}
	}
	if len(r.Order) > 0 && r.Order[0].Column <= 1 && !r.Order[0].Desc {
		p.Ordered = len(r.Order) // blocks are unique, so any further key changes nothing
	}
	p.Name = scanName("landmarks", from > 0 || to < calendar.LastWritable, false)
	p.Open = func(context.Context) (Scan, error) {
		first, closed, _ := l.Extent()
		s := &landmarkScan{ledger: l, need: r.Need, next: max(uint64(from), landmark.BlockOf(first)), end: landmark.BlockOf(closed + 1)}
		if from > to {
			s.end = 0
		} else if to < calendar.LastWritable {
			s.end = min(s.end, uint64(to)+1)
		}
		return s, nil
	}
	return p, nil
}

type landmarkScan struct {
	ledger    Ledger
	need      []bool
	next, end uint64 // blocks to be read
}

func (s *landmarkScan) Next(ctx context.Context, b *value.Batch) error {
	b.N = 0
	if s.next >= s.end {
		return nil
	}
	roots := make([]merkle.Digest, min(value.BatchSize, s.end-s.next))
	if err := s.ledger.Landmarks(ctx, roots, s.next); err != nil {
		return err
	}
	b.N = len(roots)
	for k, t := range []*value.Type{value.Int8, value.Timestamptz, nil, value.Bool} {
		if t == nil || !s.need[k] {
			continue
		}
		b.Cols[k].Reset(t, b.N)
		for i := range roots {
			block := s.next + uint64(i)
			switch k {
			case 0:
				b.Cols[k].Ints[i] = int64(block)
			case 1:
				b.Cols[k].Ints[i] = value.FromUnix(int64(landmark.First(block)))
			default:
				b.Cols[k].Ints[i] = value.BoolInt(roots[i] == calendar.ZeroNode(landmark.Height))
			}
		}
	}
	digests(b, s.need, 2, roots)
	s.next += uint64(len(roots))
	return nil
}

func (s *landmarkScan) Close() {}
