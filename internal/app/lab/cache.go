package lab

import (
	"container/list"
	"sync"

	"github.com/google/uuid"
)

// cacheBytes bounds what the opened versions hold in memory.
const cacheBytes = 48 << 20

type cacheKey struct{ tenant, version uuid.UUID }

type cached struct {
	key     cacheKey
	version *Version
	bytes   int
}

// cache keeps the versions that were used last. Versions never change, so nothing in it goes stale.
type cache struct {
	mu     sync.Mutex
	bytes  int
	recent list.List // of *cached, the one used last in front
	byKey  map[cacheKey]*list.Element
}

func (c *cache) get(key cacheKey) (*Version, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).version, true //nolint:errcheck,forcetypeassert // nothing else is put in
}

func (c *cache) put(key cacheKey, v *Version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok {
		return // somebody else opened it at the same time
	}
	if c.byKey == nil {
		c.byKey = map[cacheKey]*list.Element{}
	}
	entry := &cached{key: key, version: v, bytes: sizeOf(v)}
	c.byKey[key] = c.recent.PushFront(entry)
	c.bytes += entry.bytes
	for c.bytes > cacheBytes && c.recent.Len() > 1 {
		oldest := c.recent.Remove(c.recent.Back()).(*cached) //nolint:errcheck,forcetypeassert // nothing else is put in
		delete(c.byKey, oldest.key)
		c.bytes -= oldest.bytes
	}
}

func sizeOf(v *Version) int {
	const overhead = 16 << 10 // the parsed form
	size := overhead
	for _, e := range v.Manifest.Tree() {
		size += len(e.Data)
	}
	for _, steps := range v.guides {
		for _, s := range steps {
			size += len(s.HTML)
			for _, h := range s.Hints {
				size += len(h.HTML)
			}
		}
	}
	return size
}
