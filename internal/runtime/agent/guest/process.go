package guest

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Starter starts processes and waits for them.
type Starter interface {
	// Start starts argv; ended receives its wait status once.
	Start(argv []string, attr *os.ProcAttr) (pid int, ended <-chan syscall.WaitStatus, err error)
}

// Children is the starter of an agent that is not process 1: it waits for each child by itself.
type Children struct{}

// Start starts a process.
func (Children) Start(argv []string, attr *os.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	p, err := os.StartProcess(argv[0], argv, attr)
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan syscall.WaitStatus, 1)
	go func() { // ends with the process
		state, err := p.Wait()
		if err != nil {
			ended <- 0
			return
		}
		status, _ := state.Sys().(syscall.WaitStatus)
		ended <- status
	}()
	return p.Pid, ended, nil
}

// Init is the starter of process 1: it also waits for the orphans that fall to it.
type Init struct {
	// space is the address space of each process, in bytes: none can take what would end the whole environment. The
	// agent itself, like every Go program, reserves more than that, so it is set from outside once a process is there.
	space uint64

	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

// NewInit returns a starter that reaps until the process ends.
func NewInit(space uint64) *Init {
	i := &Init{space: space, waiting: map[int]chan syscall.WaitStatus{}}
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	go func() { // process 1 reaps as long as it lives
		for range died {
			i.reap()
		}
	}()
	return i
}

// Start starts a process. The lock is held until it is known, so that its end cannot come before.
func (i *Init) Start(argv []string, attr *os.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	p, err := os.StartProcess(argv[0], argv, attr)
	if err != nil {
		return 0, nil, err
	}
	ended, pid := make(chan syscall.WaitStatus, 1), p.Pid // Release forgets the number
	i.waiting[pid] = ended
	if i.space > 0 {
		// A process that has ended already needs no limit.
		_ = unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: i.space, Max: i.space}, nil)
	}
	return pid, ended, p.Release()
}

func (i *Init) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		i.mu.Lock()
		ended, ours := i.waiting[pid]
		delete(i.waiting, pid)
		i.mu.Unlock()
		if ours {
			ended <- status
		}
	}
}

// attributes makes a process of the user in a session or process group of its own.
func attributes(u User, own syscall.SysProcAttr) *syscall.SysProcAttr {
	if u.UID >= 0 && u.UID != os.Getuid() {
		own.Credential = &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.UID), Groups: []uint32{}} //nolint:gosec // a small number
	}
	return &own
}

// code is the exit code that a shell would show.
func code(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
