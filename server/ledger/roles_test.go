package ledger

import (
	"context"
	"errors"
	"testing"

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
		return w.ledger.ChangeRole(ctx, name, func(r storage.Role, filed uint64) (storage.Role, error) {
			if filed != wantFiled {
				t.Errorf("%s has filed in %d rounds, want %d", name, filed, wantFiled)
			}
			f(&r)
			return r, nil
		})
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
