package query

import (
	"context"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// A Ledger is what the engine needs of the ledger. Its methods may be called from many goroutines. Errors meant for the
// client are *Error; the engine passes them on as they are.
type Ledger interface {
	// Append files a request whole and returns when all of it is durable, one Filing a part. It reads the leaves until it
	// returns, and not after.
	Append(ctx context.Context, r *Request) ([]Filing, error)
	// Signatures makes the KSI signatures of leaves, serialized, in memory that it asks for. It waits while the round of one is open. After an
	// error none is of use.
	Signatures(ctx context.Context, signatures [][]byte, positions []Position, memory Memory) error
	// PublishedSignature returns the signature of a leaf extended to the first publication after the leaf's round.
	PublishedSignature(ctx context.Context, p Position) ([]byte, error)
	// Extend returns a signature of this calendar extended to the publication of second to, the first one after the
	// signature's round if to is 0.
	Extend(ctx context.Context, signature []byte, to calendar.Second) ([]byte, error)
	// Find appends to dst the leaves with this digest, whatever their algorithm, oldest first; only those of one agency unless
	// agency is empty.
	Find(ctx context.Context, dst []Leaf, agency string, digest []byte) ([]Leaf, error)
	// FindAll returns the leaves with any of the digests, each leaf once, in order of round, slot and index; else it is like
	// Find. More than it can hold are the error 54000: fewer digests may do.
	FindAll(ctx context.Context, agency string, digests [][]byte) ([]Leaf, error)
	// Leaf returns the leaf at p; ok is false if there is none.
	Leaf(ctx context.Context, p Position) (leaf Leaf, ok bool, err error)

	// Leaves reads durable leaves, those of the open round included, as they stand at the call.
	Leaves(ctx context.Context, s LeafScan) (LeafCursor, error)
	// Rounds reads the closed rounds that hold leaves.
	Rounds(ctx context.Context, s RoundScan) (RoundCursor, error)
	// Calendar reads every closed second since the ledger's first, idle ones included.
	Calendar(ctx context.Context, s CalendarScan) (CalendarCursor, error)

	// Snapshot returns what the ledger holds now: all that is acknowledged, and nothing that is not durable.
	Snapshot() Snapshot
	// Extent returns the first second of the ledger, the newest closed one and the one that is open.
	Extent() (first, closed, open calendar.Second)
	// TotalLeaves returns how many leaves the closed rounds hold.
	TotalLeaves() uint64
	// Slots returns all slots in order of their numbers. The caller must not change them.
	Slots() []Slot
	// Role returns a role, dropped or not; ok is false if there is none of this name.
	Role(name string) (role Role, ok bool)
	// CreateRole makes a role and gives it its Number; one that files gets its lane main.
	CreateRole(ctx context.Context, r Role) error
	// ChangeRoles changes roles of different names, all or, after the first error, which it returns, none.
	ChangeRoles(ctx context.Context, changes []RoleChange) error
	// CreateLane makes a lane of an agency if it is not there, and returns its slot.
	CreateLane(ctx context.Context, agency, lane string) (slot uint32, err error)
	// SetKSIKey gives a role the key with which it logs in to the KSI gateway; an empty one takes it away.
	SetKSIKey(ctx context.Context, role string, key []byte) error
	// Roles returns all roles in order of their names, dropped ones among them.
	Roles() []Role
	// Certificates returns the calendar certificates, oldest first.
	Certificates() []Certificate
	// Publish publishes the calendar root of second at, of the newest closed second if at is 0, with references of where
	// it can be looked up. Publishing a second again adds references.
	Publish(ctx context.Context, at calendar.Second, references []string) (Publication, error)
	// Publications returns the publications, ascending by time.
	Publications() []Publication
	// PublicationsFile returns the signed file of all publications and calendar certificates. A file with an error besides holds what is
	// right, but is not to be handed out: its signature is not accepted any more.
	PublicationsFile(ctx context.Context) (*ksi.PublicationsFile, error)
	// CalendarChain returns the calendar chain from the leaf of second from to the root as of second to, the newest
	// closed one if to is 0.
	CalendarChain(ctx context.Context, from, to calendar.Second) (*ksi.CalendarChain, error)
	// Audit derives the closed seconds among from to to again from the stored leaves.
	Audit(from, to calendar.Second) (Audit, error)
	// Backup begins a backup of all that is durable, with or without private keys; previous is the manifest of the backup that it
	// is based on, nil for a full one.
	Backup(ctx context.Context, keys bool, previous []byte) (Backup, error)
	// Export begins the bundle of an agency's filings in the closed seconds among from to to, with its proofs, extended to the
	// newest publication if published is set; of one lane alone unless its name is empty.
	Export(ctx context.Context, agency, lane string, from, to calendar.Second, published bool) (Export, error)
	// SealPath returns the path of a leaf of the lane seal, in a profile, nil standing for anchored if the leaf's block is closed,
	// else immediate. It waits while the leaf's round is open, or for an anchored path its block.
	SealPath(ctx context.Context, p Position, profile *seal.Profile) (*seal.Path, error)
	// ReceiptPage returns a page about a receipt, as PDF, with the code of the seal if there is one, else with a reference.
	ReceiptPage(r *receipt.Record, s *seal.Seal) ([]byte, error)
	// Landmarks reads the landmarks of closed blocks first, first+1, ….
	Landmarks(ctx context.Context, dst []merkle.Digest, first uint64) error
	// LandmarksFile returns the file of the landmarks of closed blocks, from that of second from on.
	LandmarksFile(ctx context.Context, from calendar.Second) ([]byte, error)
	// BlockDetail returns the record of the round roots of a closed block.
	BlockDetail(ctx context.Context, block uint64) ([]byte, error)
	// SlotRound returns what the record of a closed round says of a slot: its leaves and the sequence number that stands in
	// their proofs; ok is false if the slot has none in the round.
	SlotRound(round calendar.Second, slot uint32) (leaves, sequence uint64, ok bool, err error)
	// Consistency proves that the calendar as of second to extends that as of second from, both closed.
	Consistency(from, to calendar.Second) (*calendar.Consistency, error)
	// ReadJournal returns the first n lines of the journal from number from to number to that there are, the last ones in reverse
	// order if desc is set.
	ReadJournal(ctx context.Context, from, to uint64, n int, desc bool) ([]JournalLine, error)
	// JournalSince returns the number of the first line that is not before t, one more than there are lines if all are.
	JournalSince(t time.Time) (uint64, error)
	// VerifyJournal computes the hashes of lines from to to again and compares.
	VerifyJournal(ctx context.Context, from, to uint64) ([]JournalFault, error)
	// IndexStatus returns how far the index of digests is.
	IndexStatus() (IndexStatus, error)
	// ConfirmClock accepts the clock's present time after a jump that stopped filing. It returns that time.
	ConfirmClock(ctx context.Context) (time.Time, error)
}

// A Memory is where signatures are put.
type Memory interface {
	// Alloc returns n bytes, of any content.
	Alloc(n int) []byte
}

// An IndexStatus says how far the index of digests is.
type IndexStatus struct {
	Leaves  uint64 // of the closed rounds
	Indexed uint64 // of them in the index
	Recent  uint64 // leaves held in memory, those of the open round among them
	Runs    int    // that a look-up reads
	Bytes   uint64 // on disk, about
}

// Lanes of every agency. Others do not exist.
const (
	LaneMain = "main"
	LaneSeal = "seal" // printed seals
	LaneKSI  = "ksi"  // roots of clients' own trees, base level 32
	// LaneStatus is for what an agency says of its printed seals later.
	LaneStatus = "status"
)

// A Request is what one statement or transaction files: all of it or nothing, in one round.
type Request struct {
	Agency string
	Parts  []Part
}

// A Part is a list of leaves for one lane. They get consecutive indices in the order of the list.
type Part struct {
	Lane   string
	Leaves merkle.Leaves
	// New leaves out what the agency has filed before, in any lane, and repetitions inside the request.
	New bool

	copied  bool // by COPY, which is counted apart
	counted bool // the memory of Leaves, filled or not, in what the session holds back
}

// A Filing says where a part stands now.
type Filing struct {
	Round calendar.Second
	Slot  uint32
	First uint64 // index of its first leaf
	Count int
	At    time.Time // when the ledger accepted it
	// Filed lists which leaves of the part were filed, ascending; nil means all of them.
	Filed []int
}

// A Position names a leaf.
type Position struct {
	Round calendar.Second
	Slot  uint32
	Index uint64
}

// A Leaf is one filed imprint.
type Leaf struct {
	Position
	Imprint merkle.Imprint
	FiledAt time.Time
}

// A Slot is an agency's lane.
type Slot struct {
	ID      uint32
	Agency  string
	Lane    string
	Base    merkle.Level
	Created time.Time
}

// A Publication is a calendar root that was put where nobody can take it back.
type Publication struct {
	Time       calendar.Second
	Root       merkle.Digest
	References []string  // where it can be looked up, in words
	Published  time.Time // when it was made one
}

// A Certificate is that of a calendar key.
type Certificate struct {
	ID  []byte // as signatures name it
	DER []byte // X.509
}

// A LeafScan selects leaves of the rounds From to To, both included, in order of round, slot and index, or in exactly
// the reverse order.
type LeafScan struct {
	From, To calendar.Second
	Slots    []uint32 // ascending; nil for all
	Desc     bool
	// Sample, unless nil, says which leaves are selected: those of each slot in a round whose index is SampleBlock times block, and the SampleBlock-1 behind.
	// It does not go with Desc.
	Sample func(round calendar.Second, block uint64) bool
}

// A LeafCursor yields batches of at most 1,024 leaves.
type LeafCursor interface {
	// Next fills b, whose memory it may reuse; io.EOF ends. A descending scan gives the batches in reverse order, but
	// the leaves of one batch stand in ascending order still.
	Next(ctx context.Context, b *LeafBatch) error
	Close() error
}

// A LeafBatch is leaves of one round and slot with consecutive indices.
type LeafBatch struct {
	Round   calendar.Second
	Slot    uint32
	First   uint64
	FiledAt time.Time
	Leaves  merkle.Leaves // valid until the next call of Next
}

// A RoundScan selects closed rounds From to To, both included.
type RoundScan struct {
	From, To calendar.Second
	Desc     bool
	Agency   string // count this agency's leaves and slots only; empty for all
	Roots    bool   // fill RoundBatch.Root
	Counts   bool   // fill RoundBatch.Leaves and RoundBatch.Slots
	Few      int    // so many rounds are likely to be enough, 0 if unknown
	// Seconds, unless nil, are the only ones whose rounds are selected, ascending and each once.
	Seconds []calendar.Second
	// Root, unless nil, is the root of the rounds looked for: others may be left out.
	Root *merkle.Digest
	// Leaves, unless nil, says how many leaves the rounds looked for have: others may be left out.
	Leaves *LeafSpan
}

// A LeafSpan is the numbers of leaves from Min to Max, both included.
type LeafSpan struct{ Min, Max uint64 }

// A RoundCursor yields batches of at most 1,024 rounds.
type RoundCursor interface {
	// Next fills b, whose memory it may reuse; io.EOF ends.
	Next(ctx context.Context, b *RoundBatch) error
	// Narrow says that rounds whose number of leaves is not in s may be left out from now on.
	Narrow(s LeafSpan)
	Close() error
}

// A RoundBatch holds one column a field, in scan order.
type RoundBatch struct {
	Round  []calendar.Second
	Root   []merkle.Digest // may be empty unless asked for
	Leaves []uint64        // likewise
	Slots  []uint32        // slots with leaves; likewise
}

// A CalendarScan selects closed seconds From to To, both included.
type CalendarScan struct {
	From, To calendar.Second
	Desc     bool
	Roots    bool // compute the calendar roots; they cost some hashes a second
}

// A CalendarCursor yields batches of at most 1,024 seconds.
type CalendarCursor interface {
	// Next fills b, whose memory it may reuse; io.EOF ends.
	Next(ctx context.Context, b *CalendarBatch) error
	Close() error
}

// A CalendarBatch holds one column a field, in scan order.
type CalendarBatch struct {
	Round []calendar.Second
	Leaf  []merkle.Digest // round root, the zero digest in an idle second
	Idle  []bool
	Root  []merkle.Digest // calendar root as of the second; empty unless asked for
}
