package gvisor

import (
	"io"
	"os"
	"os/exec"
)

// fileIO gives a sandbox a file for what it says and nothing to read.
type fileIO struct{ out *os.File }

// Set is called with the runtime's command before it starts.
func (f fileIO) Set(cmd *exec.Cmd) { cmd.Stdout, cmd.Stderr = f.out, f.out }

// Stdin is none.
func (fileIO) Stdin() io.WriteCloser { return nil }

// Stdout is the file's alone.
func (fileIO) Stdout() io.ReadCloser { return nil }

// Stderr is the file's alone.
func (fileIO) Stderr() io.ReadCloser { return nil }

// Close leaves the file to its owner.
func (fileIO) Close() error { return nil }
