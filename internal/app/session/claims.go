package session

import (
	"sync"

	"github.com/google/uuid"
)

// claims are the sessions that somebody in this process works on, so that nobody else does. Work on a session is its
// host's alone: a claim in memory is enough.
type claims struct {
	mu sync.Mutex
	by map[uuid.UUID]struct{}
}

// claim takes a session until release; false when it is taken.
func (c *claims) claim(id uuid.UUID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.by[id]; taken {
		return false
	}
	if c.by == nil {
		c.by = map[uuid.UUID]struct{}{}
	}
	c.by[id] = struct{}{}
	return true
}

func (c *claims) release(id uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, id)
}
