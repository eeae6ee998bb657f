package identity_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const patience = 30 * time.Second

// neighbour is another process, whose clock stands still: nothing that it remembers grows old, so that only a hint can
// make it see a change.
func (e *env) neighbour() *identity.Service {
	e.t.Helper()
	now := time.Now()
	s, err := identity.New(identity.Config{
		Pool: e.db.Identity, Key: e.key, PublicURL: e.server.URL, Log: slog.New(slog.DiscardHandler), Version: "test",
		Now: func() time.Time { return now },
	})
	if err != nil {
		e.t.Fatal(err)
	}
	hub := &notify.Hub{Pool: e.db.Control, Log: slog.New(slog.DiscardHandler)}
	s.Hear(hub)
	listening := make(chan struct{}, 10)
	hub.On("test", func(string) {}, func() { listening <- struct{}{} })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	e.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			e.t.Error(err)
		}
	})
	select {
	case <-listening:
	case <-time.After(patience):
		e.t.Fatal("the other process never listened")
	}
	return s
}

func TestAnotherProcessRefusesAtOnceWhatThisOneRevoked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		kind errs.Kind
	}{
		"disabled":   {`update identity."user" set disabled_at = now() where id = $1`, errs.KindForbidden},
		"removed":    {`update identity.membership set status = 'removed', epoch = epoch + 1 where user_id = $1`, errs.KindForbidden},
		"suspended":  {`update control.tenant set status = 'suspended' where id in (select tenant_id from identity.membership where user_id = $1)`, errs.KindForbidden},
		"signed out": {`delete from identity.token_family where user_id = $1`, errs.KindUnauthenticated},
		"deleted":    {`delete from identity."user" where id = $1`, errs.KindUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			u := e.user("ada@example.com")
			other := e.neighbour()
			token, err := e.MintAccessToken(t.Context(), "ada@example.com", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			use := func() error {
				if _, err := other.Verify(t.Context(), token); err != nil {
					return err
				}
				_, err := other.Membership(t.Context(), u.ID, tenancy.DefaultTenant())
				return err
			}
			if err := use(); err != nil {
				t.Fatal(err)
			}
			e.exec(c.sql, u.ID)
			deadline := time.Now().Add(patience)
			for err = use(); err == nil; err = use() {
				if time.Now().After(deadline) {
					t.Fatal("the other process never heard of it")
				}
			}
			if errs.KindOf(err) != c.kind {
				t.Errorf("refused with %v", err)
			}
		})
	}
}

// A process that misses hints sees a change when what it remembers is two seconds old: streams, which ask every two
// seconds, stay below five.
func TestWithoutHintsAChangeIsSeenSoonAllTheSame(t *testing.T) {
	t.Parallel()
	e := open(t)
	u := e.user("ada@example.com")
	deaf := e.service(e.server.URL)
	if _, err := deaf.Membership(t.Context(), u.ID, tenancy.DefaultTenant()); err != nil {
		t.Fatal(err)
	}
	e.exec(`update identity."user" set disabled_at = now() where id = $1`, u.ID)
	e.pass(2 * time.Second)
	if _, err := deaf.Membership(t.Context(), u.ID, tenancy.DefaultTenant()); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("after 2 s: %v", err)
	}
	if _, err := deaf.Membership(t.Context(), uuid.New(), tenancy.DefaultTenant()); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("a stranger: %v", err)
	}
}
