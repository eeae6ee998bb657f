// Package ticket lets a browser open what cannot carry an Authorization header: a WebSocket, or a page on another origin.
// A ticket is good once, for half a minute, for one user, session and purpose. Tickets live in this process: what they
// open (the environment of a session) is reached through the same process.
package ticket

import (
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
)

// Life is how long a ticket is good.
const Life = 30 * time.Second

// Bounds on tickets that were issued and neither used nor expired.
const (
	maxTickets = 10_000
	maxPerUser = 100
)

// secretBytes is the entropy of a ticket; secretText the length of its text.
const secretBytes = 32

// Errors of tickets. ErrRefused does not say whether the ticket never existed, was used, is too old or is for something else.
var (
	ErrRefused = errs.Forbidden("ticket_refused", "This link was used already or is too old. Open it again from the lab page.")
	ErrTooMany = errs.Limited("too_many_tickets", "Too many connections were opened at once. Wait half a minute and try again.")
)

// Kind is what a ticket opens.
type Kind string

// The kinds.
const (
	Terminal Kind = "terminal"
	Port     Kind = "port"
)

// Grant is what a ticket is bound to.
type Grant struct {
	Holder access.Holder
	Kind   Kind
	Port   string // the port's name; "" for terminals
}

// Store keeps the tickets. Its zero value is ready to use; it must not be copied.
type Store struct {
	mu      sync.Mutex
	byHash  map[[sha256.Size]byte]*list.Element
	oldest  list.List // of entry, in the order of issue, which is the order of expiry
	perUser map[user]int
}

// user is who tickets are counted for: ids of users are unique across pools.
type user [16]byte

type entry struct {
	hash    [sha256.Size]byte
	grant   Grant
	expires time.Time
}

// Issue makes a ticket. Only its hash is kept: what the store holds opens nothing.
func (s *Store) Issue(g Grant) (secret string, expires time.Time, err error) {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the program instead
	secret = base64.RawURLEncoding.EncodeToString(raw)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	if len(s.byHash) >= maxTickets || s.perUser[user(g.Holder.User)] >= maxPerUser {
		return "", time.Time{}, ErrTooMany
	}
	if s.byHash == nil {
		s.byHash, s.perUser = map[[sha256.Size]byte]*list.Element{}, map[user]int{}
	}
	e := entry{hash: sha256.Sum256([]byte(secret)), grant: g, expires: now.Add(Life)}
	s.byHash[e.hash] = s.oldest.PushBack(e)
	s.perUser[user(g.Holder.User)]++
	return secret, e.expires, nil
}

// Redeem uses a ticket up and returns who holds it. It must be for exactly this session, kind and port, else it is lost
// all the same: who tries it elsewhere should not have it.
func (s *Store) Redeem(secret string, session [16]byte, kind Kind, port string) (access.Holder, error) {
	if len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return access.Holder{}, ErrRefused
	}
	hash := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
	// Looking up by hash takes a time that depends on the hash alone: nothing is learnt about the secret.
	found, ok := s.byHash[hash]
	if !ok {
		return access.Holder{}, ErrRefused
	}
	e := s.remove(found)
	if fault.On(fault.TicketAgain) {
		s.byHash[e.hash] = s.oldest.PushFront(e)
		s.perUser[user(e.grant.Holder.User)]++
	}
	g := e.grant
	if g.Holder.Session != session && !fault.On(fault.TicketForAny) || g.Kind != kind || g.Port != port {
		return access.Holder{}, ErrRefused
	}
	return g.Holder, nil
}

// expire forgets the tickets that are too old.
func (s *Store) expire(now time.Time) {
	for first := s.oldest.Front(); first != nil; first = s.oldest.Front() {
		if e, _ := first.Value.(entry); now.Before(e.expires) || fault.On(fault.TicketForever) {
			return
		}
		s.remove(first)
	}
}

func (s *Store) remove(at *list.Element) entry {
	e, _ := s.oldest.Remove(at).(entry)
	delete(s.byHash, e.hash)
	of := user(e.grant.Holder.User)
	if s.perUser[of]--; s.perUser[of] == 0 {
		delete(s.perUser, of)
	}
	return e
}
