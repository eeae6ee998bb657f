package ticket_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
)

func grant() ticket.Grant {
	return ticket.Grant{
		Holder: access.Holder{Tenant: uuid.New(), User: uuid.New(), Session: uuid.New()},
		Kind:   ticket.Port, Port: "web",
	}
}

func issue(t *testing.T, s *ticket.Store, g ticket.Grant) string {
	t.Helper()
	secret, _, err := s.Issue(g)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestTicketIsGoodOnce(t *testing.T) {
	t.Parallel()
	var s ticket.Store
	g := grant()
	secret := issue(t, &s, g)
	holder, err := s.Redeem(secret, g.Holder.Session, ticket.Port, "web")
	if err != nil || holder != g.Holder {
		t.Fatalf("got %v, %v: want the holder", holder, err)
	}
	if _, err = s.Redeem(secret, g.Holder.Session, ticket.Port, "web"); !errors.Is(err, ticket.ErrRefused) {
		t.Errorf("second use: %v", err)
	}
}

func TestTicketIsForOneSessionKindAndPort(t *testing.T) {
	t.Parallel()
	var s ticket.Store
	g := grant()
	tries := map[string]func(secret string) error{
		"session": func(x string) error { _, err := s.Redeem(x, uuid.New(), ticket.Port, "web"); return err },
		"kind":    func(x string) error { _, err := s.Redeem(x, g.Holder.Session, ticket.Terminal, "web"); return err },
		"port":    func(x string) error { _, err := s.Redeem(x, g.Holder.Session, ticket.Port, "api"); return err },
		"text":    func(x string) error { _, err := s.Redeem(x+"A", g.Holder.Session, ticket.Port, "web"); return err },
		"nothing": func(string) error { _, err := s.Redeem("", g.Holder.Session, ticket.Port, "web"); return err },
	}
	for name, try := range tries {
		if err := try(issue(t, &s, g)); !errors.Is(err, ticket.ErrRefused) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	// A ticket that was tried elsewhere is in the wrong hands.
	secret := issue(t, &s, g)
	_ = tries["session"](secret)
	if _, err := s.Redeem(secret, g.Holder.Session, ticket.Port, "web"); !errors.Is(err, ticket.ErrRefused) {
		t.Errorf("after a try elsewhere: %v", err)
	}
}

func TestTicketExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s ticket.Store
		g := grant()
		early, late := issue(t, &s, g), issue(t, &s, g)
		<-time.After(ticket.Life - time.Millisecond) // the bubble's clock
		if _, err := s.Redeem(early, g.Holder.Session, ticket.Port, "web"); err != nil {
			t.Errorf("just in time: %v", err)
		}
		<-time.After(time.Millisecond) // the bubble's clock
		if _, err := s.Redeem(late, g.Holder.Session, ticket.Port, "web"); !errors.Is(err, ticket.ErrRefused) {
			t.Errorf("too late: %v", err)
		}
	})
}

func TestTicketsAreBoundedPerUserAndComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s ticket.Store
		g := grant()
		for range 100 {
			issue(t, &s, g)
		}
		if _, _, err := s.Issue(g); !errors.Is(err, ticket.ErrTooMany) {
			t.Errorf("101st of one user: %v", err)
		}
		issue(t, &s, grant())
		<-time.After(ticket.Life) // the bubble's clock
		for range 1000 {
			secret := issue(t, &s, g)
			if _, err := s.Redeem(secret, g.Holder.Session, ticket.Port, "web"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTicketsAreBoundedTogether(t *testing.T) {
	t.Parallel()
	var s ticket.Store
	for range 10_000 {
		issue(t, &s, grant())
	}
	if _, _, err := s.Issue(grant()); !errors.Is(err, ticket.ErrTooMany) {
		t.Errorf("got %v, want ErrTooMany", err)
	}
}
