package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
)

// Bounds of a command's input; the server sends less.
const (
	maxScript = 4 << 20
	maxStdin  = 16 << 20
)

// lingering is how long the output of processes that outlive a command is waited for.
const lingering = 50 * time.Millisecond

// exec runs a command and sends its result. It is killed when the server goes away or its time is over.
func (a *Agent) exec(ctx context.Context, s net.Conn, e agent.Exec) {
	if e.ScriptSize < 0 || e.ScriptSize > maxScript || e.StdinSize < 0 || e.StdinSize > maxStdin || e.Limit <= 0 {
		reply(s, errors.New("a command of this size is not taken"))
		return
	}
	script, stdin := make([]byte, e.ScriptSize), make([]byte, e.StdinSize)
	if _, err := io.ReadFull(s, script); err != nil {
		return
	}
	if _, err := io.ReadFull(s, stdin); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	go func() { // ends with the stream, which the server closes when it no longer wants the result
		_, _ = s.Read(make([]byte, 1))
		cancel()
	}()
	defer a.activity.pauseFiles()()
	r, output := a.run(ctx, e, script, stdin)
	if err := agent.WriteMessage(s, r); err == nil {
		_, _ = s.Write(output) // the server may be gone
	}
}

// run runs the command to its end. A command that cannot be started has code -1 and the reason as its output.
func (a *Agent) run(ctx context.Context, e agent.Exec, script, stdin []byte) (agent.Reply, []byte) {
	began := time.Now()
	out := &tail{limit: e.Limit}
	status, timedOut, err := a.start(ctx, e, script, stdin, out)
	r := agent.Reply{Code: code(status), TimedOut: timedOut, Took: time.Since(began)}
	if err != nil {
		r.Code = -1
		_, _ = out.Write([]byte(err.Error()))
	}
	var output []byte
	output, r.Truncated = out.result()
	r.OutputSize = len(output)
	return r, output
}

func (a *Agent) start(ctx context.Context, e agent.Exec, script, stdin []byte, out *tail) (status syscall.WaitStatus, timedOut bool, err error) {
	u := a.user(e.User)
	env := a.environ(u, e.Env)
	argv, files := e.Argv, []*os.File(nil)
	if len(script) > 0 {
		f, err := inMemory("script", script)
		if err != nil {
			return 0, false, err
		}
		defer f.Close() //nolint:errcheck // the command has its own
		argv, files = append(interpreter(script), "/proc/self/fd/3"), []*os.File{f}
	}
	if len(argv) == 0 {
		return 0, false, errors.New("nothing to run")
	}
	if argv[0], err = find(argv[0]); err != nil {
		return 0, false, err
	}
	input, err := inMemory("stdin", stdin)
	if err != nil {
		return 0, false, err
	}
	defer input.Close() //nolint:errcheck // the command has its own
	read, write, err := os.Pipe()
	if err != nil {
		return 0, false, err
	}
	dir := u.Home
	if e.Dir != "" {
		dir = a.path(e.Dir)
	}
	pid, ended, err := a.cfg.Starter.Start(argv, &os.ProcAttr{
		Dir: dir, Env: env, Files: append([]*os.File{input, write, write}, files...),
		Sys: attributes(u, syscall.SysProcAttr{Setpgid: true}),
	})
	_ = write.Close()
	if err != nil {
		return 0, false, errors.Join(fmt.Errorf("start %s: %w", argv[0], err), read.Close())
	}
	status, timedOut = a.await(ctx, pid, ended, read, out)
	return status, timedOut, nil
}

// await collects the output until the command has ended, and kills its process group when ctx ends first. A process
// that left the group and keeps the output open is not waited for.
func (a *Agent) await(ctx context.Context, pid int, ended <-chan syscall.WaitStatus, read *os.File, out io.Writer) (status syscall.WaitStatus, timedOut bool) {
	copied := make(chan struct{})
	go func() { // ends when read is closed, below
		_, _ = io.Copy(out, read)
		close(copied)
	}()
	select {
	case status = <-ended:
	case <-ctx.Done():
		timedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		status = <-ended
	}
	select {
	case <-copied:
	case <-time.After(lingering):
		_ = read.SetReadDeadline(time.Unix(1, 0))
		<-copied
	}
	_ = read.Close()
	return status, timedOut
}

// interpreter is what the script's first line names, or bash.
func interpreter(script []byte) []string {
	first, _, _ := bytes.Cut(script, []byte("\n"))
	if rest, ok := bytes.CutPrefix(first, []byte("#!")); ok {
		if fields := strings.Fields(string(rest)); len(fields) > 0 {
			return fields
		}
	}
	return []string{"/bin/bash"}
}

// find is the program's path on the search path of commands, not the agent's own.
func find(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, dir := range filepath.SplitList(searchPath) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// lookup returns those of the commands that are missing.
func (a *Agent) lookup(commands []string) (missing []string) {
	for _, c := range commands {
		if _, err := find(c); err != nil {
			missing = append(missing, c)
		}
	}
	return missing
}

// inMemory is a file without a name that holds text and is at its beginning. Other users may open it by its descriptor.
func inMemory(name string, text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(text); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// tail keeps the last bytes that were written to it.
type tail struct {
	limit int

	mu      sync.Mutex
	kept    []byte
	dropped bool
}

// Write keeps b, forgetting the oldest bytes beyond twice the limit.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	if n > t.limit {
		b, t.dropped = b[n-t.limit:], true
	}
	t.kept = append(t.kept, b...)
	if len(t.kept) > 2*t.limit {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.limit:]...)
		t.dropped = true
	}
	return n, nil
}

func (t *tail) result() (output []byte, truncated bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over := len(t.kept) - t.limit; over > 0 {
		return t.kept[over:], true
	}
	return t.kept, t.dropped
}
