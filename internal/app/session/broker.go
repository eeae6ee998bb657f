package session

import (
	"sync"

	"github.com/google/uuid"
)

// broker tells the event streams of this process that a session changed. Streams read the session anew: a signal
// carries nothing, so that a slow reader misses states but never the last one.
type broker struct {
	mu   sync.Mutex
	subs map[uuid.UUID]map[chan struct{}]struct{}
}

// maxStreams bounds the event streams of one session: more than its learner's browsers and those who look on.
const maxStreams = 50

// subscribe returns a channel that holds at most one signal, and what ends the subscription.
func (b *broker) subscribe(id uuid.UUID) (changed <-chan struct{}, cancel func(), err error) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.subs[id]) >= maxStreams {
		return nil, nil, ErrStreams
	}
	if b.subs == nil {
		b.subs = map[uuid.UUID]map[chan struct{}]struct{}{}
	}
	if b.subs[id] == nil {
		b.subs[id] = map[chan struct{}]struct{}{}
	}
	b.subs[id][c] = struct{}{}
	return c, func() { b.unsubscribe(id, c) }, nil
}

func (b *broker) unsubscribe(id uuid.UUID, c chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs[id], c)
	if len(b.subs[id]) == 0 {
		delete(b.subs, id)
	}
}

func (b *broker) publish(id uuid.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.subs[id] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
