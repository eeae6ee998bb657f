package main

import (
	"context"
	"time"

	"github.com/cloudkida/cloudkida/bench/metric"
)

// maxIdle is what the server may take beside PostgreSQL, in bytes.
const maxIdle = 120 << 20

// idle measures the server's memory a while after its start, when nothing runs.
func idle(ctx context.Context, s *server, results *table) error {
	const settle = 10 * time.Second
	say("memory of the idle server, in %s ...", settle)
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	own, database, err := metric.Memory(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	results.add(row{what: "memory of the idle server", ours: megabytes(own), peer: "its PostgreSQL " + megabytes(database), target: "< 120 MB", met: own < maxIdle})
	return nil
}

// afterwards measures it again after all that was done.
func afterwards(s *server, results *table) error {
	own, database, err := metric.Memory(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	results.add(row{what: "memory of the server after all of this", ours: megabytes(own), peer: "its PostgreSQL " + megabytes(database)})
	return nil
}
