// Package redistest gives a test a real Redis server of its own, which it can stop and start again.
package redistest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long a server may take to start on a machine that does other work as well.
const patience = 30 * time.Second

// Server is a redis-server on a Unix socket.
type Server struct {
	URL string

	t      *testing.T
	socket string
	cmd    *exec.Cmd
}

// Start starts a server that ends with the test.
func Start(t *testing.T) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis-") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, socket: filepath.Join(dir, "s")}
	s.URL = "unix://" + s.socket
	t.Cleanup(func() {
		s.Stop()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.Start()
	return s
}

// Start starts the server again, with nothing in it.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(s.socket)) //nolint:gosec,noctx // the test ends it
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v (tools/need.sh test installs it)", err)
	}
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "ready to accept connections") {
				ready <- true
			}
		}
		close(ready)
	}()
	select {
	case ok := <-ready:
		if !ok {
			s.t.Fatal("redis-server ended before it was ready")
		}
	case <-time.After(patience):
		s.t.Fatal("redis-server was not ready in time")
	}
}

// Stop ends the server, as a crash would.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended
	_ = s.cmd.Wait()
	s.cmd = nil
}
