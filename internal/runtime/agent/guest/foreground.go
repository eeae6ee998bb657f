package guest

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// marks follows the marks that the shell's prompt writes (OSC 133): C where a command begins, A where the prompt is back.
type marks struct {
	tail []byte // of the output so far, in case a mark comes in two pieces
	busy bool
}

var markStart = []byte("\x1b]133;") //nolint:gochecknoglobals // a constant that Go has no constants for

// read takes in a piece of output.
func (m *marks) read(b []byte) {
	text := append(m.tail, b...) //nolint:gocritic // the tail is made anew below
	if at := bytes.LastIndex(text, markStart); at >= 0 && at+len(markStart) < len(text) {
		m.busy = text[at+len(markStart)] == 'C'
	}
	m.tail = append([]byte(nil), text[max(0, len(text)-len(markStart)):]...)
}

// foreground tells whether a program other than the shell has the terminal: as the kernel says, or where it does not
// tell whom the terminal does not control, as the shell's marks do.
func (t *terminal) foreground() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.master == nil {
		return false
	}
	raw, err := t.master.SyscallConn()
	if err != nil {
		return t.marks.busy
	}
	group, ask := 0, error(nil)
	if err := raw.Control(func(fd uintptr) { group, ask = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) }); err != nil {
		return t.marks.busy
	}
	if ask != nil || group <= 0 {
		return t.marks.busy
	}
	return group != t.shell
}
