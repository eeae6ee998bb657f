package usage

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/limit"
)

// period is what a quota is for.
type period string

const (
	day   period = "day"
	month period = "month"
)

// window is one period of one program of a tenant: a row of control.request_count. The zero UUID in place of the program is
// all of them.
type window struct {
	tenant, program uuid.UUID
	period          period
	since, until    time.Time // UTC
}

// windows are those that contain a moment.
func windows(tenant, program uuid.UUID, now time.Time) (today, thisMonth window) {
	now = now.UTC()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return window{tenant, program, day, midnight, midnight.AddDate(0, 0, 1)}, window{tenant, program, month, first, first.AddDate(0, 1, 0)}
}

func (w window) of(program uuid.UUID) window {
	w.program = program
	return w
}

func (w window) limit() tier.Limit {
	if w.period == day {
		return tier.DailyRequests
	}
	return tier.MonthlyRequests
}

// key names the window for a Limiter.
func (w window) key() string {
	return w.tenant.String() + ":" + w.program.String() + ":" + string(w.period) + ":" + w.since.Format(time.DateOnly)
}

// counted are the windows of one program in which a request counts; its tenant's are beside them.
type counted struct{ day, month window }

func (c counted) all() [4]window {
	return [4]window{c.day, c.month, c.day.of(uuid.Nil), c.month.of(uuid.Nil)}
}

// Bounds of a meter: what it remembers of the database, and how much it counts before it writes early.
const (
	maxKnown   = 200_000
	maxPending = 10_000
)

// meter counts requests of programs in memory. The rows are the truth: every few seconds what was counted is added to them,
// and they tell what all processes have counted together.
type meter struct {
	full chan struct{} // told when much is pending

	mu       sync.Mutex
	known    *simplelru.LRU[window, int64] // as the rows were when last seen
	pending  map[window]int64
	flushing map[window]int64 // on its way to the rows
}

func newMeter() *meter {
	known, _ := simplelru.NewLRU[window, int64](maxKnown, nil) // it fails for a size below one only
	return &meter{full: make(chan struct{}, 1), known: known, pending: map[window]int64{}, flushing: map[window]int64{}}
}

// of finds what a program's requests count in, and reads the rows that it does not know.
func (m *meter) of(ctx context.Context, pool *pgxpool.Pool, tenant, program uuid.UUID, now time.Time) (*counted, error) {
	var c counted
	c.day, c.month = windows(tenant, program, now)
	if m.knows(c) {
		return &c, nil
	}
	found, err := read(ctx, pool, c)
	if err != nil {
		return nil, err
	}
	m.learn(c, found)
	return &c, nil
}

func (m *meter) knows(c counted) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range c.all() {
		if _, ok := m.known.Get(w); !ok {
			return false
		}
	}
	return true
}

// learn keeps what was read, but for what has been written since: that is newer.
func (m *meter) learn(c counted, found map[window]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range c.all() {
		if !m.known.Contains(w) {
			m.known.Add(w, found[w])
		}
	}
}

// total is how many there are, as far as this process knows.
func (m *meter) total(w window) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, _ := m.known.Get(w)
	return known + m.flushing[w] + m.pending[w]
}

// rule is a quota.
func (m *meter) rule(name string, w window, most int64) rule {
	return rule{name: name, window: w, counter: limit.Counter{Key: w.key(), Most: most, Base: m.total(w), Until: w.until}}
}

// add counts one request.
func (m *meter) add(c counted) {
	m.mu.Lock()
	for _, w := range c.all() {
		m.pending[w]++
	}
	much := len(m.pending) >= maxPending
	m.mu.Unlock()
	if much {
		select {
		case m.full <- struct{}{}:
		default:
		}
	}
}

// addPending adds to rows of a tenant what they do not have yet.
func (m *meter) addPending(tenant uuid.UUID, rows map[window]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, more := range []map[window]int64{m.flushing, m.pending} {
		for w, n := range more {
			if w.tenant == tenant {
				rows[w] += n
			}
		}
	}
}

// begin takes what is pending, in order to write it.
func (m *meter) begin() map[window]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushing, m.pending = m.pending, map[window]int64{}
	return m.flushing
}

// end keeps what the rows are now, or takes back what could not be written.
func (m *meter) end(written map[window]int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		for w, n := range m.flushing {
			m.pending[w] += n
		}
	}
	for w, total := range written {
		m.known.Add(w, total)
	}
	m.flushing = map[window]int64{}
}
