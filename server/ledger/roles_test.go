package ledger

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/storage"
)

// What a role is for decides on its slot; what it has filed, and its name, stay.
func TestRoles(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	make := func(name string, kind storage.RoleKind, number uint32) {
		t.Helper()
		if err := w.ledger.CreateRole(ctx, storage.Role{Name: name, Kind: kind}); err != nil {
			t.Fatal(err)
		}
		if r, ok := w.ledger.Role(name); !ok || r != (storage.Role{Name: name, Kind: kind, Number: number}) {
			t.Errorf("%+v", r)
		}
	}
	slots := len(w.ledger.Slots())
	make("audit", storage.Auditor, 1)
	make("watch", storage.Operator, 2)
	if n := len(w.ledger.Slots()); n != slots {
		t.Errorf("%d slots, want %d", n, slots)
	}
	if _, err := w.ledger.CreateLane(ctx, "audit", LaneMain); !errors.Is(err, ErrNotFound) {
		t.Errorf("lane of an auditor: %v", err)
	}
	change := func(name string, wantFiled uint64, f func(*storage.Role)) error {
		return w.ledger.ChangeRoles(ctx, []RoleChange{{Name: name, Line: roleLine(name), Make: func(r storage.Role, filed uint64) (storage.Role, error) {
			if filed != wantFiled {
				t.Errorf("%s has filed in %d rounds, want %d", name, filed, wantFiled)
			}
			f(&r)
			return r, nil
		}}})
	}
	if err := change("audit", 0, func(r *storage.Role) { r.Kind, r.Number = storage.Agency, 9 }); err != nil {
		t.Fatal(err)
	}
	if r, _ := w.ledger.Role("audit"); r != (storage.Role{Name: "audit", Number: 1}) {
		t.Errorf("%+v", r)
	}
	slot, err := w.ledger.CreateLane(ctx, "audit", LaneSeal)
	if again, e := w.ledger.CreateLane(ctx, "audit", LaneSeal); err != nil || e != nil || again != slot || int(slot) != slots+1 {
		t.Errorf("lane in slots %d and %d: %v, %v", slot, again, err, e)
	}
	w.pass(1)
	w.file(request("audit", LaneSeal, leaves(1, 1)))
	if err := w.ledger.SetKSIKey(ctx, "audit", []byte("key")); err != nil {
		t.Fatal(err)
	}
	if err := change("audit", 1, func(r *storage.Role) { r.Dropped = true }); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.ledger.KSIKey("audit"); ok {
		t.Error("a dropped role has a KSI key")
	}
	w.pass(1)
	if err := change("audit", 1, func(*storage.Role) {}); err != nil {
		t.Fatal(err)
	}
	if err := w.ledger.CreateRole(ctx, storage.Role{Name: "audit"}); !errors.Is(err, ErrExists) {
		t.Errorf("the name of a dropped role: %v", err)
	}
	if err := change("nobody", 0, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("no role: %v", err)
	}
	if _, err := w.ledger.CreateLane(ctx, "canton", "nolane"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no lane: %v", err)
	}
}

func roleLine(name string) storage.JournalEvent {
	return storage.JournalEvent{Times: 1, Event: "role", Object: name}
}

// TestChangeRolesTogether: roles change together, each with its slot and its line of the journal, or none does.
func TestChangeRolesTogether(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	names := []string{"a", "b", "c"}
	for _, name := range names {
		if err := w.ledger.CreateRole(ctx, storage.Role{Name: name, Kind: storage.Auditor}); err != nil {
			t.Fatal(err)
		}
	}
	no := errors.New("no")
	change := func(refused string) error {
		var changes []RoleChange
		for _, name := range names {
			changes = append(changes, RoleChange{Name: name, Line: roleLine(name), Make: func(r storage.Role, _ uint64) (storage.Role, error) {
				if name == refused {
					return r, no
				}
				r.Kind = storage.Agency
				return r, nil
			}})
		}
		return w.ledger.ChangeRoles(ctx, changes)
	}
	slots, lines := len(w.ledger.Slots()), w.ledger.JournalHead().Lines
	if err := change("c"); err != no {
		t.Errorf("the third is refused: %v", err)
	}
	for _, name := range names {
		if r, _ := w.ledger.Role(name); r.Kind != storage.Auditor {
			t.Errorf("%s was changed although another was not", name)
		}
	}
	if n := w.ledger.JournalHead().Lines - lines; len(w.ledger.Slots()) != slots || n != 0 {
		t.Errorf("%d slots, want %d; %d lines", len(w.ledger.Slots()), slots, n)
	}
	if err := change(""); err != nil {
		t.Fatal(err)
	}
	if n := w.ledger.JournalHead().Lines - lines; len(w.ledger.Slots()) != slots+3 || n != 3 {
		t.Errorf("%d slots, want %d; %d lines", len(w.ledger.Slots()), slots+3, n)
	}
	w.pass(1)
	for _, name := range names {
		w.file(request(name, LaneMain, leaves(1, 1)))
	}
}

// TestChangedRoleFilesNothing: a request is refused if its role may not file when its turn comes, also one that waited for its lane.
func TestChangedRoleFilesNothing(t *testing.T) {
	ctx := context.Background()
	for what, change := range map[string]func(*storage.Role, time.Time){
		"dropped":    func(r *storage.Role, _ time.Time) { r.Dropped = true },
		"no login":   func(r *storage.Role, _ time.Time) { r.NoLogin = true },
		"an auditor": func(r *storage.Role, _ time.Time) { r.Kind = storage.Auditor },
		"expired":    func(r *storage.Role, now time.Time) { r.ValidUntil = now },
	} {
		w := newWorld(t)
		if err := w.ledger.CreateRole(ctx, storage.Role{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		w.pass(1)
		slots, waits := len(w.ledger.Slots()), make(chan error)
		go func() {
			_, err := w.ledger.Append(ctx, request("a", LaneSeal, leaves(1, 1)))
			waits <- err
		}()
		for deadline := time.Now().Add(20 * time.Second); len(w.ledger.Slots()) == slots; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatal("the lane is not made")
			}
		}
		err := w.ledger.ChangeRoles(ctx, []RoleChange{{Name: "a", Line: roleLine("a"), Make: func(r storage.Role, _ uint64) (storage.Role, error) {
			now, _ := w.clock.Now()
			change(&r, now.UTC())
			return r, nil
		}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.ledger.Append(ctx, request("a", LaneMain, leaves(1, 1))); !errors.Is(err, ErrRole) {
			t.Errorf("%s: %v", what, err)
		}
		w.pass(1)
		if err := <-waits; !errors.Is(err, ErrRole) {
			t.Errorf("%s, waiting for a lane: %v", what, err)
		}
	}
}
