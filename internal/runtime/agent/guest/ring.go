package guest

import "unicode/utf8"

// ring keeps the last bytes of a terminal's output, with their offsets in the whole of it.
type ring struct {
	data  []byte // of full size once the first bytes came
	total uint64 // bytes that were ever written
	size  int
}

func (r *ring) write(b []byte) {
	if r.data == nil {
		r.data = make([]byte, r.size)
	}
	if over := len(b) - r.size; over > 0 {
		r.total += uint64(over)
		b = b[over:]
	}
	at := int(r.total % uint64(r.size)) //nolint:gosec // below size
	n := copy(r.data[at:], b)
	copy(r.data, b[n:])
	r.total += uint64(len(b))
}

// first is the offset of the oldest byte that is kept.
func (r *ring) first() uint64 {
	if r.total < uint64(r.size) { //nolint:gosec // size is positive
		return 0
	}
	return r.total - uint64(r.size) //nolint:gosec // size is positive
}

// read copies what is kept from offset on into b; an offset that is no longer kept moves on to the first whole character.
func (r *ring) read(b []byte, offset uint64) (from uint64, n int) {
	if offset > r.total {
		offset = r.total
	}
	if offset < r.first() {
		offset = r.whole(r.first())
	}
	for n < len(b) && offset+uint64(n) < r.total {
		at := int((offset + uint64(n)) % uint64(r.size))                          //nolint:gosec // below size
		end := min(r.size, at+int(min(r.total-offset-uint64(n), uint64(r.size)))) //nolint:gosec // at most size
		n += copy(b[n:], r.data[at:end])
	}
	return offset, n
}

// whole is the first offset, from the one given, at which a UTF-8 sequence begins.
func (r *ring) whole(offset uint64) uint64 {
	for i := range uint64(utf8.UTFMax) {
		if offset+i >= r.total || utf8.RuneStart(r.data[(offset+i)%uint64(r.size)]) { //nolint:gosec // below size
			return offset + i
		}
	}
	return offset // it is no UTF-8 at all
}
