// Command agent is process 1 of every environment: see package agent.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/cloudkida/cloudkida/internal/runtime/agent/guest"
)

func main() {
	socket := flag.String("socket", "", "the server's Unix socket")
	deadline := flag.Int64("deadline", 0, "when the environment ends by itself, in seconds since 1970")
	space := flag.Uint64("space", 0, "address space of each process, in bytes; 0: no limit")
	flag.Parse()
	if err := run(*socket, time.Unix(*deadline, 0), *space); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func run(socket string, deadline time.Time, space uint64) error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	if err := guest.PrepareHome("/home/learner", guest.LearnerUID); err != nil {
		return err
	}
	a := guest.New(guest.Config{
		Learner:  guest.User{Name: "learner", UID: guest.LearnerUID, Home: "/home/learner"},
		Root:     guest.User{Name: "root", UID: 0, Home: "/root"},
		Hostname: hostname, Deadline: deadline, Starter: guest.NewInit(space), Roots: []string{"/home/learner", "/tmp"},
	})
	a.Run(context.Background(), func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	})
	return nil
}
