package storage_test

import (
	"fmt"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// BenchmarkAppend files leaves in proposals of several sizes, each synced to disk.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 1000, 50_000, 1 << 20} {
		b.Run(fmt.Sprintf("leaves=%d", n), func(b *testing.B) {
			m := storagetest.NewMaker(1)
			o := options(nil)
			o.TableLeaves = 0
			s, err := storage.Create(b.TempDir(), m.Genesis(), o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if err := s.Propose(m.Begin(1)...); err != nil {
				b.Fatal(err)
			}
			e := m.Append(storagetest.First, 0, n, false)
			for b.Loop() {
				if err := s.Propose(e); err != nil {
					b.Fatal(err)
				}
				e.First += uint64(n)
			}
			b.ReportMetric(float64(e.First)/b.Elapsed().Seconds(), "leaves/s")
			if err := s.DB().Flush(); err != nil {
				b.Fatal(err)
			}
			p := s.DB().Metrics()
			total := p.Total()
			b.ReportMetric(float64(p.DiskSpaceUsage()-p.WAL.PhysicalSize-p.WAL.ObsoletePhysicalSize)/float64(e.First), "stored-B/leaf")
			b.ReportMetric(float64(p.WAL.BytesWritten+total.TableBytesFlushed+total.TableBytesCompacted)/float64(e.First), "written-B/leaf")
		})
	}
}

// roundStore returns a store of sealed blocks in which every second is a round of one leaf.
func roundStore(b *testing.B, blocks int) *storage.Store {
	b.Helper()
	m := storagetest.NewMaker(2)
	s, err := storage.Create(b.TempDir(), m.Genesis(), options(nil))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	entries := m.Begin(2)
	for round := storagetest.First; int(round-storagetest.First) < blocks*storage.BlockSeconds; round++ {
		entries = append(entries, m.Append(round, uint32(round)%2, 1, false), m.Close(round))
		if len(entries) > 1000 {
			if err := s.Propose(entries...); err != nil {
				b.Fatal(err)
			}
			entries = nil
		}
	}
	if err := s.Propose(entries...); err != nil {
		b.Fatal(err)
	}
	for {
		block, ok := s.SealableBlock()
		if !ok {
			break
		}
		if err := s.Propose(storage.SealBlock{Block: block}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.DB().Flush(); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkRounds scans sealed rounds with different columns.
func BenchmarkRounds(b *testing.B) {
	s := roundStore(b, 8)
	scan := storage.RoundScan{To: s.Closed()}
	for _, x := range []struct {
		name string
		set  func(*storage.RoundScan)
	}{
		{"none", func(*storage.RoundScan) {}},
		{"counts", func(c *storage.RoundScan) { c.Counts = true }},
		{"roots", func(c *storage.RoundScan) { c.Roots = true }},
		{"all", func(c *storage.RoundScan) { c.Counts, c.Roots = true, true }},
		{"slot", func(c *storage.RoundScan) { c.Counts, c.Slots = true, []uint32{1} }},
	} {
		b.Run("columns="+x.name, func(b *testing.B) {
			scan := scan
			x.set(&scan)
			rounds := 0
			for b.Loop() {
				iter, err := s.Rounds(scan)
				if err != nil {
					b.Fatal(err)
				}
				for iter.Next() {
					rounds += len(iter.Batch().Round)
				}
				if err := iter.Close(); err != nil || iter.Err() != nil {
					b.Fatal(err, iter.Err())
				}
			}
			b.ReportMetric(float64(rounds)/b.Elapsed().Seconds(), "rounds/s")
		})
	}
}

// BenchmarkPoint reads single things of sealed rounds, as a proof does.
func BenchmarkPoint(b *testing.B) {
	s := roundStore(b, 8)
	n := int(s.Closed() - storagetest.First)
	at := func(i int) calendar.Second { return storagetest.First + calendar.Second(i*7919%n) }
	var leaves [256]merkle.Digest
	for _, x := range []struct {
		name string
		read func(i int) error
	}{
		{"round", func(i int) error { _, err := s.Round(at(i)); return err }},
		{"leaf", func(i int) error { _, _, err := s.Leaf(at(i), uint32(at(i))%2, 0); return err }},
		{"leaf number", func(i int) error { _, err := s.LeafNumber(uint64(i * 7919 % n)); return err }},
		{"calendar tile", func(i int) error { return s.ReadCalendarLeaves(leaves[:], at(i)&^255-256) }},
	} {
		b.Run("read="+x.name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				if err := x.read(i); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
