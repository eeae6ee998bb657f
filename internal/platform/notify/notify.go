// Package notify tells every process of an installation that a row has changed, by PostgreSQL's LISTEN and NOTIFY, so
// that each drops what it remembers of that row. A hint carries a topic and an id, nothing else. It makes a change seen
// at once; it is no proof of anything: whoever remembers rows bounds their age as well, for the time when hints are lost.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The topics of the program's own triggers.
const (
	TopicMember = "member" // id: a user, whose memberships, sign-ins or rights changed
	TopicKey    = "key"    // id: the public part of an API key, which was rotated or revoked
	TopicTenant = "tenant" // id: a tenant, whose status, tier, placement or name changed
	TopicPlan   = "plan"   // id: a tenant, whose limits changed; what is no id stands for all tenants
	TopicPolicy = "policy" // id: a tenant, whose own policies changed; their Service sends it
)

// Times of the one connection.
const (
	firstDelay  = 100 * time.Millisecond // before the first try to connect again; doubled with each
	longDelay   = 5 * time.Second        // and this at most
	connectTime = 5 * time.Second
	quietTime   = 10 * time.Second // after so long without a hint the connection is tried
	answerTime  = 5 * time.Second  // for an answer to that
)

// More hints than burst in a second are not looked at one by one: what comes within pause is taken as "anything may have
// changed". So a tenant of a hundred thousand members that is removed costs each process no more than that.
const (
	burst = 200
	pause = 50 * time.Millisecond
)

// Hub hears the hints of all processes, its own included, over one connection.
type Hub struct {
	// Pool is of the role control. Its settings are used; the connection is the hub's own.
	Pool *pgxpool.Pool
	Log  *slog.Logger

	mu          sync.Mutex
	subscribers map[string][]subscriber
}

type subscriber struct {
	changed func(id string)
	lost    func()
}

// On calls changed for every hint of a topic, and lost whenever hints may have been missed: drop everything then. Both
// must be quick, as they are called one after the other.
func (h *Hub) On(topic string, changed func(id string), lost func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers == nil {
		h.subscribers = map[string][]subscriber{}
	}
	h.subscribers[topic] = append(h.subscribers[topic], subscriber{changed, lost})
}

// Run listens until ctx ends. A lost connection is made again, for as long as it takes, with growing pauses.
func (h *Hub) Run(ctx context.Context) error {
	delay := firstDelay
	for {
		err := h.listen(ctx, func() { delay = firstDelay })
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to stop
		}
		h.lose()
		h.Log.WarnContext(ctx, "hints of other processes are not heard; trying again", "in", delay, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay/2 + rand.N(delay/2+1)): //nolint:gosec // it spreads processes in time
		}
		delay = min(2*delay, longDelay)
	}
}

// listen hears hints over one connection until it fails.
func (h *Hub) listen(ctx context.Context, listening func()) error {
	connecting, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(connecting, h.Pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer closeConn(ctx, conn)
	var channel string
	if err := conn.QueryRow(connecting, `select app.hint_channel_name()`).Scan(&channel); err != nil {
		return fmt.Errorf("read the channel: %w", err)
	}
	if _, err := conn.Exec(connecting, "listen "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	h.lose() // what was read before may have changed before anybody listened
	listening()
	count, since := 0, time.Now()
	for {
		err := h.next(ctx, conn)
		if time.Since(since) > time.Second {
			count, since = 0, time.Now()
		}
		if count++; err == nil && count > burst {
			err = h.skip(ctx, conn)
		}
		if err != nil {
			return err
		}
	}
}

// skip lets hints pass for a moment and then says that some were missed.
func (h *Hub) skip(ctx context.Context, conn *pgx.Conn) error {
	defer h.lose()
	moment, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	for moment.Err() == nil {
		if _, err := conn.WaitForNotification(moment); err != nil && (moment.Err() == nil || conn.IsClosed()) {
			return fmt.Errorf("wait for hints: %w", err)
		}
	}
	return ctx.Err()
}

// closeConn says goodbye to the database, also when ctx has ended.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is lost in any case
}

// next waits for one hint and hands it on. A connection that is silent for long is asked whether it is still there: one
// that was cut without a word would be silent forever.
func (h *Hub) next(ctx context.Context, conn *pgx.Conn) error {
	quiet, cancel := context.WithTimeout(ctx, quietTime)
	defer cancel()
	n, err := conn.WaitForNotification(quiet)
	if err == nil {
		topic, id, _ := strings.Cut(n.Payload, " ")
		h.tell(topic, id)
		return nil
	}
	if quiet.Err() == nil || ctx.Err() != nil || conn.IsClosed() {
		return fmt.Errorf("wait for hints: %w", err)
	}
	answer, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := conn.Ping(answer); err != nil {
		return fmt.Errorf("the connection for hints is dead: %w", err)
	}
	return nil
}

func (h *Hub) tell(topic, id string) {
	for _, s := range h.of(topic) {
		s.changed(id)
	}
}

func (h *Hub) lose() {
	h.mu.Lock()
	var all []subscriber
	for _, list := range h.subscribers {
		all = append(all, list...)
	}
	h.mu.Unlock()
	for _, s := range all {
		s.lost()
	}
}

func (h *Hub) of(topic string) []subscriber {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.subscribers[topic]
}

// Send tells every process that the row has changed, when tx commits. The roles control and identity may send. Changes
// of members and tenants need no call: triggers send for them.
func Send(ctx context.Context, tx pgx.Tx, topic, id string) error {
	if _, err := tx.Exec(ctx, `select app.hint($1, $2)`, topic, id); err != nil {
		return fmt.Errorf("send hint about %s %s: %w", topic, id, err)
	}
	return nil
}
