package environment_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/environment"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// host is a provider that only lists and destroys.
type host struct {
	sandbox.None
	mu      sync.Mutex
	running []string
}

func (h *host) List(context.Context) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.running), nil
}

func (h *host) Destroy(_ context.Context, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = slices.DeleteFunc(h.running, func(r string) bool { return r == id })
	return nil
}

type fixture struct {
	*environment.Service
	host    *host
	expired map[uuid.UUID]environment.Reason
}

func newFixture(t *testing.T, d *dbtest.Database, name string) *fixture {
	t.Helper()
	f := &fixture{host: &host{}, expired: map[uuid.UUID]environment.Reason{}}
	f.Service = &environment.Service{
		Pool: d.Control, Host: name, Capacity: 3, Provider: f.host, Log: slog.New(slog.DiscardHandler),
		Expired: func(_ context.Context, e environment.Environment, r environment.Reason) error {
			f.expired[e.Session] = r
			return nil
		},
	}
	return f
}

func wanted() environment.Environment {
	return environment.Environment{ID: uuid.New(), Tenant: tenancy.DefaultTenant(), Session: uuid.New(), User: uuid.New(), Lab: "errands"}
}

func (f *fixture) admit(t *testing.T) environment.Environment {
	t.Helper()
	e, err := f.Admit(t.Context(), wanted())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNoMoreAreAdmittedThanTheHostHolds(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f, other := newFixture(t, d, "a"), newFixture(t, d, "b")
	var admitted, refused atomic.Int32
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			_, err := f.Admit(context.Background(), wanted())
			switch {
			case err == nil:
				admitted.Add(1)
			case errors.Is(err, environment.ErrNoCapacity):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if admitted.Load() != 3 || refused.Load() != 7 {
		t.Errorf("%d admitted, %d refused; want 3 and 7", admitted.Load(), refused.Load())
	}
	other.admit(t) // another host has places of its own
	list, err := f.OnHost(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatalf("%d on the host, %v", len(list), err)
	}
	for range 2 {
		if err := f.Remove(t.Context(), list[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	f.admit(t)
}

func TestTheReaperEndsWhatIsOverOrLostOnItsOwnHost(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f, other := newFixture(t, d, "a"), newFixture(t, d, "b")
	fine, late, lost := f.admit(t), f.admit(t), f.admit(t)
	theirs := other.admit(t)
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Second)
	for id, deadline := range map[uuid.UUID]time.Time{fine.ID: soon, lost.ID: soon, late.ID: past, theirs.ID: past} {
		if err := f.Move(t.Context(), id, environment.Ready, deadline); err != nil {
			t.Fatal(err)
		}
	}
	const nobodys = "0123456789abcdef0123456789abcdef"
	f.host.running = []string{environment.SandboxID(fine.ID), environment.SandboxID(late.ID), nobodys}
	if err := f.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(f.expired) != 2 || f.expired[late.Session] != environment.ReasonDeadline || f.expired[lost.Session] != environment.ReasonLost {
		t.Errorf("expired %v", f.expired)
	}
	if slices.Contains(f.host.running, nobodys) {
		t.Error("a sandbox that nobody owns goes on")
	}
	if !slices.Contains(f.host.running, environment.SandboxID(fine.ID)) {
		t.Error("a sandbox that is in use was destroyed")
	}
}

func TestAnEnvironmentWithoutSessionIsRemoved(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := newFixture(t, d, "a")
	f.Expired = func(context.Context, environment.Environment, environment.Reason) error {
		return environment.ErrUnknownSession
	}
	e := f.admit(t)
	if err := f.Move(t.Context(), e.ID, environment.Admitted, time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := f.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := f.OnHost(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%d are left, %v", len(list), err)
	}
}
