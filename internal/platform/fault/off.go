//go:build !plantedfaults

package fault

// On is false: no mistake is made.
func On(Name) bool { return false }
