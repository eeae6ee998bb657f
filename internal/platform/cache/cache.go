// Package cache keeps what was read from the database for a few seconds.
package cache

import (
	"sync"
	"time"
)

// Cache keeps values for a short time, counted from before they were read, so that no change goes unseen for longer.
type Cache[K comparable, V any] struct {
	size int
	life time.Duration
	now  func() time.Time

	mu      sync.Mutex
	changes uint64 // counts invalidations: a value read before one must not be kept after it
	entries map[K]cached[V]
}

type cached[V any] struct {
	value V
	until time.Time
}

// New returns a Cache of at most size values that live for at most life.
func New[K comparable, V any](size int, life time.Duration, now func() time.Time) *Cache[K, V] {
	return &Cache[K, V]{size: size, life: life, now: now, entries: map[K]cached[V]{}}
}

// Get returns the value of key, reading it where it is not known. Errors are not kept.
func (c *Cache[K, V]) Get(key K, read func() (V, error)) (V, error) {
	started := c.now()
	c.mu.Lock()
	e, ok := c.entries[key]
	before := c.changes
	c.mu.Unlock()
	if ok && started.Before(e.until) {
		return e.value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == before {
		c.makeRoom(started)
		c.entries[key] = cached[V]{value: value, until: started.Add(c.life)}
	}
	return value, nil
}

// makeRoom drops what is over once the cache is full, and everything when that is not enough: it fills again in seconds.
func (c *Cache[K, V]) makeRoom(now time.Time) {
	if len(c.entries) < c.size {
		return
	}
	for k, e := range c.entries {
		if !now.Before(e.until) {
			delete(c.entries, k)
		}
	}
	if len(c.entries) >= c.size {
		clear(c.entries)
	}
}

// Forget drops the entries that match.
func (c *Cache[K, V]) Forget(match func(K) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for k := range c.entries {
		if match(k) {
			delete(c.entries, k)
		}
	}
}
