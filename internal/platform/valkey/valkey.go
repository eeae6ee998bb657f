// Package valkey is what several processes remember together, in a Redis or Valkey server. The server may be away at any
// moment, and what it holds may be lost: whoever uses it has something of its own to fall back on, and is told quickly.
package valkey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// patience is how long one question may take. A server on the same network answers in less than a millisecond; what waits
// is a request of somebody.
const patience = 50 * time.Millisecond

// When the server is taken for away, and how soon it is tried again.
const (
	failures  = 3 // in a row
	pauseTime = 2 * time.Second
)

// Memory is a connection to the server.
type Memory struct {
	Client  *redis.Client
	breaker *gobreaker.CircuitBreaker[struct{}]
}

// Parse reads the address of a server: redis://, rediss:// (with TLS) or unix://.
func Parse(url string) (*redis.Options, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("want redis(s)://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or unix:///PATH") // err may quote the password
	}
	return o, nil
}

// Open returns a Memory; it does not connect yet.
func Open(url string, log *slog.Logger) (*Memory, error) {
	o, err := Parse(url)
	if err != nil {
		return nil, err
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience, patience
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1        // falling back is sooner
	o.DisableIdentity = true // one question less for each connection
	m := &Memory{Client: redis.NewClient(o)}
	m.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: "shared memory", MaxRequests: 1, Timeout: pauseTime,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		IsSuccessful: func(err error) bool {
			return err == nil || errors.Is(err, context.Canceled) || errors.Is(err, redis.Nil)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			switch to {
			case gobreaker.StateOpen:
				log.Warn("the shared memory (--redis-url) is away: limits are each process's own until it is back")
			case gobreaker.StateClosed:
				log.Info("the shared memory (--redis-url) is there again")
			case gobreaker.StateHalfOpen:
			}
		},
	})
	return m, nil
}

// Do runs fn with little time, or not at all while the server is taken for away.
func (m *Memory) Do(ctx context.Context, fn func(context.Context) error) error {
	_, err := m.breaker.Execute(func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return struct{}{}, fn(ctx)
	})
	if err != nil {
		return fmt.Errorf("shared memory: %w", err)
	}
	return nil
}

// Up tells whether the server is taken for there.
func (m *Memory) Up() bool { return m.breaker.State() == gobreaker.StateClosed }

// Close closes the connections.
func (m *Memory) Close() error { return m.Client.Close() }
