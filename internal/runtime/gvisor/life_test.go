package gvisor_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/runtime/gvisor"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox/sandboxtest"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func run(t *testing.T, p sandbox.Provider, id, script string) sandbox.Result {
	t.Helper()
	r, err := p.Exec(t.Context(), id, sandbox.Command{Script: []byte(script), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// processes lists the host's processes whose command line speaks of the environment.
func processes(t *testing.T, id string) (found []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && bytes.Contains(text, []byte(id)) {
			found = append(found, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}

func TestNothingIsLeftOfADestroyedEnvironment(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	id := sandboxtest.Provision(t, p, sandbox.Spec{})
	run(t, p, id, "(setsid sleep 1000 &); echo x > ~/file; mkdir -p /tmp/a/b")
	if len(processes(t, id)) == 0 {
		t.Fatal("the environment has no process: this test looks at the wrong thing")
	}
	if err := p.Destroy(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for len(processes(t, id)) > 0 && time.Now().Before(deadline) {
		<-time.After(10 * time.Millisecond)
	}
	if left := processes(t, id); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || bytes.Contains(mounts, []byte(id)) {
		t.Errorf("mounts are left (%v)", err)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/*/cloudkida/" + id, "/sys/fs/cgroup/cloudkida/" + id} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("cgroups are left: %q", left)
		}
	}
}

func TestEnvironmentsSurviveARestartOfTheServer(t *testing.T) {
	t.Parallel()
	d := dir(t)
	first, err := gvisor.New(t.Context(), gvisor.Config{Dir: d, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	spec := sandbox.Spec{ID: sandboxtest.NewID(), Image: "toolbox", Deadline: time.Now().Add(time.Hour)}
	if err := first.Provision(t.Context(), spec, nil); err != nil {
		t.Fatal(err)
	}
	term, err := first.Attach(t.Context(), spec.ID, sandbox.Attachment{Name: "1", Client: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := term.Write(sandbox.Frame{Type: sandbox.FrameInput, N: 1, Data: []byte("MARK=kept; echo rea''dy\n")}); err != nil {
		t.Fatal(err)
	}
	readUntil(t, term, "ready\r\n")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, d)
	if ids, err := second.List(t.Context()); err != nil || len(ids) != 1 {
		t.Fatalf("after the restart: %q, %v", ids, err)
	}
	term, err = second.Attach(t.Context(), spec.ID, sandbox.Attachment{Name: "1", Client: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := term.Write(sandbox.Frame{Type: sandbox.FrameInput, N: 1, Data: []byte("echo is-$MARK\n")}); err != nil {
		t.Fatal(err)
	}
	readUntil(t, term, "is-kept\r\n")
}

func readUntil(t *testing.T, term sandbox.Terminal, want string) {
	t.Helper()
	stop := time.AfterFunc(patience, func() { _ = term.Close() })
	defer stop.Stop()
	var seen []byte
	for !bytes.Contains(seen, []byte(want)) {
		f, err := term.Read()
		if err != nil {
			t.Fatalf("%v before %q; it said %q", err, want, seen)
		}
		if f.Type == sandbox.FrameOutput {
			seen = append(seen, f.Data...)
		}
	}
}

func TestAKilledEnvironmentIsTold(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	id := sandboxtest.Provision(t, p, sandbox.Spec{})
	events, err := p.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Exec(t.Context(), id, sandbox.Command{Script: []byte("kill -9 1"), User: "root", Timeout: 2 * time.Second}); err == nil {
		// Process 1 ignores signals from inside, as it should; then the host ends it.
		text, err := exec.CommandContext(t.Context(), "pgrep", "-f", "runsc-sandbox.*"+id).Output() //nolint:gosec // an id of the test's own
		if err != nil {
			t.Fatal(err)
		}
		for pid := range strings.FieldsSeq(string(text)) {
			_ = exec.CommandContext(t.Context(), "kill", "-9", pid).Run() //nolint:gosec // a process of the test's own
		}
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case a, open := <-events:
			if !open {
				t.Fatal("the watch ended without a word")
			}
			if a.Gone {
				return
			}
		case <-deadline.C:
			t.Fatal("the end was not told")
		}
	}
}

func TestTheLearnerIsContained(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	id := sandboxtest.Provision(t, p, sandbox.Spec{})
	for name, c := range map[string]struct{ script, want string }{
		"who":                 {"id -un; pwd", "learner\n/home/learner\n"},
		"no root's home":      {"ls /root 2>&1", "ls: cannot open directory '/root': Permission denied\n"},
		"no host's home":      {"ls /home", "learner\n"},
		"no host's /etc":      {"grep -c . /etc/passwd", "3\n"},
		"no host's local":     {"ls /usr/local", ""},
		"read-only programs":  {"touch /usr/bin/x 2>&1", "touch: cannot touch '/usr/bin/x': Permission denied\n"},
		"no network":          {"timeout 5 bash -c 'echo > /dev/tcp/192.0.2.1/80' 2>/dev/null; echo $?", "1\n"},
		"not its kernel":      {"dmesg | grep -c 'Starting gVisor'", "1\n"},
		"socket out of reach": {"ls /.cloudkida 2>&1 | grep -c denied; python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('/.cloudkida/socket/agent.sock')\" 2>&1 | grep -c PermissionError", "1\n1\n"},
		"agent out of reach":  {"kill -9 1 2>&1 | grep -c permitted; ls -l /proc/1/exe 2>&1 | grep -c denied", "1\n1\n"},
	} {
		if r := run(t, p, id, c.script); string(r.Output) != c.want {
			t.Errorf("%s: %q, want %q", name, r.Output, c.want)
		}
	}
}

func TestAForkBombHurtsNobody(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	id := sandboxtest.Provision(t, p, sandbox.Spec{})
	r, err := p.Exec(t.Context(), id, sandbox.Command{Script: []byte("bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 300"), Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if !r.TimedOut {
		t.Errorf("the bomb ended by itself: %d, %q", r.Code, r.Output)
	}
	if r := run(t, p, id, "#!/bin/sh\necho alive"); !strings.Contains(string(r.Output), "alive") {
		// The bomb's processes left its group: they still fill the learner's share, but root's is free.
		r, err := p.Exec(t.Context(), id, sandbox.Command{Argv: []string{"pkill", "-9", "-u", "learner"}, User: "root"})
		if err != nil {
			t.Fatalf("after a fork bomb: %v, %q", err, r.Output)
		}
	}
}

func TestMemoryIsLimited(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	id := sandboxtest.Provision(t, p, sandbox.Spec{Memory: 512 << 20})
	r := run(t, p, id, "#!/usr/bin/env python3\nb = bytearray(4 << 30)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('took it all')")
	if r.Code == 0 || strings.Contains(string(r.Output), "took it all") {
		t.Errorf("4 GiB were taken under a limit of 512 MiB: %q", r.Output)
	}
	run(t, p, id, "true")
}

func TestASandboxIsInItsCgroupWithAllItsProcesses(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	if len(p.Lacks()) > 0 {
		return // this machine lets us make none, which the program says at its start
	}
	id := sandboxtest.Provision(t, p, sandbox.Spec{Memory: 512 << 20})
	run(t, p, id, "(setsid sleep 1000 &)")
	inside := map[string]bool{}
	for _, pattern := range []string{"/sys/fs/cgroup/memory/cloudkida/" + id, "/sys/fs/cgroup/cloudkida/" + id} {
		procs, err := os.ReadFile(filepath.Join(pattern, "cgroup.procs"))
		if err != nil {
			continue
		}
		for pid := range strings.FieldsSeq(string(procs)) {
			inside[pid] = true
		}
	}
	// The sandbox's own threads, and those that it traces: all below the process that boots it.
	text, err := exec.CommandContext(t.Context(), "pgrep", "-f", "runsc-sandbox.*"+id).Output() //nolint:gosec // an id of the test's own
	if err != nil {
		t.Fatal(err)
	}
	for pid := range strings.FieldsSeq(string(text)) {
		children, err := exec.CommandContext(t.Context(), "pgrep", "-P", pid).Output() //nolint:gosec // a process of the test's own
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range append(strings.Fields(string(children)), pid) {
			if !inside[one] {
				t.Errorf("process %s of the sandbox is outside of its cgroup", one)
			}
		}
	}
}

func TestAFullDiskHurtsNobody(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	id := sandboxtest.Provision(t, p, sandbox.Spec{Disk: 64 << 20})
	r := run(t, p, id, "head -c 300M /dev/zero > ~/big; head -c 300M /dev/zero > /tmp/big; rm -f ~/big /tmp/big; echo alive")
	if !strings.Contains(string(r.Output), "No space left") || !strings.HasSuffix(string(r.Output), "alive\n") {
		t.Errorf("%q", r.Output)
	}
}

// TestMain lets the test binary stand for a server that is not root: see TestRunsWithoutRoot.
func TestMain(m *testing.M) {
	if d := os.Getenv("GVISOR_TEST_DIR"); d != "" {
		os.Exit(withoutRoot(d))
	}
	if d := os.Getenv("GVISOR_TEST_NO_NAMESPACES"); d != "" {
		os.Exit(withoutNamespaces(d))
	}
	os.Exit(m.Run())
}

// withoutNamespaces is a server on a machine that lets it make no user namespaces: the limit is the own namespace's.
func withoutNamespaces(d string) int {
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0o600); err != nil {
		return complain(err)
	}
	_, err := gvisor.New(context.Background(), gvisor.Config{Dir: d, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return complain(err)
	}
	return 0
}

func TestAMachineWithoutUserNamespaces(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self) //nolint:gosec // this very binary
	cmd.Env = append(os.Environ(), "GVISOR_TEST_NO_NAMESPACES="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	text, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "user.max_user_namespaces=") {
		t.Errorf("%v: %s; want the remedy", err, text)
	}
}

func withoutRoot(d string) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := gvisor.New(ctx, gvisor.Config{Dir: d, Runsc: os.Getenv("GVISOR_TEST_RUNSC"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return complain(err)
	}
	defer p.Close()
	spec := sandbox.Spec{ID: sandboxtest.NewID(), Image: "toolbox", Deadline: time.Now().Add(time.Hour)}
	if err := p.Provision(ctx, spec, nil); err != nil {
		return complain(err)
	}
	r, err := p.Exec(ctx, spec.ID, sandbox.Command{Script: []byte("id -un; touch ~/x && stat -c %U ~/x; ulimit -v")})
	if err != nil {
		return complain(err)
	}
	os.Stdout.Write(r.Output) //nolint:errcheck // the test reads it
	if len(p.Lacks()) == 0 {
		os.Stdout.WriteString("lacks nothing\n") //nolint:errcheck // the test reads it
	}
	if err := p.Destroy(ctx, spec.ID); err != nil {
		return complain(err)
	}
	return 0
}

func complain(err error) int {
	os.Stdout.WriteString(err.Error() + "\n") //nolint:errcheck // the test reads it
	return 1
}

func TestRunsWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // every other test has shown it
	}
	d := dir(t)
	const nobody = 65534
	runsc, err := filepath.Abs("../../../bin/runsc")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Copies at places that the user can reach: a clone may be below a closed home.
	for name, from := range map[string]string{"runsc": runsc, "program": self} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, name), text, 0o755); err != nil { //nolint:gosec // programs
			t.Fatal(err)
		}
	}
	if err := os.Chown(d, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(d, "program")) //nolint:gosec // this very binary
	cmd.Env = append(os.Environ(), "GVISOR_TEST_DIR="+d+"/data", "GVISOR_TEST_RUNSC="+d+"/runsc")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	text, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(text), "learner\nlearner\n") || strings.Contains(string(text), "unlimited") || strings.Contains(string(text), "lacks nothing") {
		t.Errorf("%v: %s", err, text)
	}
}
