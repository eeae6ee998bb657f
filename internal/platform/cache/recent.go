package cache

import "sync"

// Recent keeps what was worked out and stays true, such as a signature that was found good: the values that were used
// last, and at most twice size of them. It grows in two generations, so that neither looking up nor adding ever walks
// over the others.
type Recent[K comparable, V any] struct {
	size int

	mu         sync.Mutex
	young, old map[K]V
}

// NewRecent returns a Recent that keeps at least the last size values.
func NewRecent[K comparable, V any](size int) *Recent[K, V] {
	return &Recent[K, V]{size: size, young: map[K]V{}}
}

// Get returns the value of key, if it is still kept.
func (r *Recent[K, V]) Get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	if ok {
		r.add(key, v)
	}
	return v, ok
}

// Put keeps a value.
func (r *Recent[K, V]) Put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(key, v)
}

// Drop forgets a value.
func (r *Recent[K, V]) Drop(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}

// Len is how many values are kept; one that is in both generations counts twice.
func (r *Recent[K, V]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.young) + len(r.old)
}

func (r *Recent[K, V]) add(key K, v V) {
	if len(r.young) >= r.size {
		r.old, r.young = r.young, make(map[K]V, r.size/4)
	}
	r.young[key] = v
}
