// Package sandbox is the seam between the product and whatever runs a lab: gVisor on one host today, other providers
// later. A Provider makes environments, reaches into them and removes them; it knows nothing of tenants, labs or sessions.
// Its conformance suite is in sandboxtest; the fake and every real provider pass it.
package sandbox

import (
	"context"
	"errors"
	"net"
	"time"
)

// ErrNotFound is returned for an id that this provider does not run.
var ErrNotFound = errors.New("sandbox: no such environment")

// ErrUnreachable is returned when the environment exists but its agent does not answer; it may dial in again.
var ErrUnreachable = errors.New("sandbox: the environment does not answer")

// Provider runs environments on one host.
//
// Every method takes the environment's id: 32 lower-case hexadecimal digits, of fixed length because OCI runtimes match
// ids by prefix. Everything that comes out of an environment is untrusted: providers bound what they read from it.
type Provider interface {
	// Provision makes the environment and returns once its agent answers and every command of Spec.Requires is there.
	// Provisioning an id that already runs is not an error: it makes a crashed caller's retry safe. On failure nothing is left.
	// report, when not nil, is called in order as each step begins and ends.
	Provision(ctx context.Context, spec Spec, report func(Step)) error
	// Attach opens terminal at.Name, starting a login shell in it if it does not run yet. The terminal outlives the attachment.
	Attach(ctx context.Context, id string, at Attachment) (Terminal, error)
	// Exec runs one command to its end. A command that fails is not an error: its Result says so.
	Exec(ctx context.Context, id string, cmd Command) (Result, error)
	// Dial connects to a TCP port on the environment's loopback.
	Dial(ctx context.Context, id string, port uint16) (net.Conn, error)
	// Watch reports what happens inside until ctx ends, when the channel is closed. Events coalesce: at most four a second.
	// It survives a lost agent connection; Activity.Gone is sent once when the environment has ended for good.
	Watch(ctx context.Context, id string) (<-chan Activity, error)
	// Extend moves the deadline that the environment itself knows, after which it ends when no server came back.
	Extend(ctx context.Context, id string, deadline time.Time) error
	// Destroy removes the environment with its processes, mounts and files. Unknown ids are not an error.
	Destroy(ctx context.Context, id string) error
	// List returns the ids that exist on this host, also half-made ones, so that a reaper can remove what nobody owns.
	List(ctx context.Context) ([]string, error)
}

// Spec says what to provision.
type Spec struct {
	ID       string
	Image    string // "toolbox" (the host's own commands) or an OCI reference
	Hostname string
	CPU      float64   // cores; 0 is the provider's default
	Memory   int64     // bytes; 0 is the provider's default
	Disk     int64     // bytes that may be written; 0 is the provider's default
	Files    []File    // put in place before anything runs
	Sudo     bool      // the learner may become root inside
	Requires []string  // commands that must be on PATH
	Deadline time.Time // the environment ends by itself two minutes after it when no server came
}

// File is placed in the environment, owned by User ("learner" or "root"), its parent directories made.
type File struct {
	Path string // absolute
	Mode uint32 // permission bits
	User string
	Data []byte
}

// Step is one visible step of provisioning, with its name from a fixed set ("rootfs", "sandbox", "agent", "files", "requires").
type Step struct {
	Name    string
	Started time.Time
	Ended   time.Time // zero while it runs
	Err     error
}

// Attachment asks for one terminal.
type Attachment struct {
	Name   string // "1".."9"; a terminal of this name is shared by all who attach to it
	Client string // who writes: input frames are numbered per client, so that a resent frame is typed once
	Offset uint64 // replay output from this byte offset on; 0 replays all that is retained
	Cols   uint16
	Rows   uint16
}

// Terminal is one attachment. Read and Write may be used at the same time; Write is not safe for concurrent use.
type Terminal interface {
	Read() (Frame, error)
	Write(Frame) error
	Close() error
}

// Command is run as User with Script on a file descriptor, so that the script never rests in the environment: neither as
// a file nor as an argument. Argv is used when Script is empty.
type Command struct {
	Script  []byte // run by its #! interpreter, or by bash when it has none
	Argv    []string
	User    string // "learner" (default) or "root"
	Dir     string // default: the user's home
	Env     map[string]string
	Stdin   []byte
	Timeout time.Duration // 0: 30 s. At its end the whole process group is killed.
	Limit   int           // bytes of output kept (the last ones); 0: 64 KiB
}

// Result of a Command. Output holds stdout and stderr as they came, at most Limit bytes, the oldest dropped.
type Result struct {
	Code      int // exit code; 128+n for signal n; -1 when it never ran
	Output    []byte
	Truncated bool
	TimedOut  bool
	Took      time.Duration
}

// Activity tells what happened since the last one.
type Activity struct {
	Keys  bool     // somebody typed
	Files bool     // files changed under a home directory or /tmp, or a process started or ended
	Port  bool     // traffic to a port
	Busy  bool     // a foreground job other than the shell runs in a terminal
	Ports []uint16 // loopback ports that are being listened on now, at most 64
	Gone  bool     // the environment ended
}
