//go:build plantedfaults

package fault

import (
	"sync"
	"testing"
)

var planted sync.Map //nolint:gochecknoglobals // a switch for the whole process, in test builds alone

// On tells whether the mistake is made.
func On(n Name) bool {
	if !testing.Testing() {
		panic("a program with planted faults serves nobody: build it without the tag plantedfaults")
	}
	_, on := planted.Load(n)
	return on
}

// Plant makes the mistake from now on.
func Plant(n Name) { planted.Store(n, true) }

// Mend ends it.
func Mend(n Name) { planted.Delete(n) }
