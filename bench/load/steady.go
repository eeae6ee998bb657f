package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Job is a load at a steady rate.
type Job struct {
	URL         string        `json:"url"`
	Tokens      []string      `json:"tokens"` // of those who ask, each over the same number of connections
	Connections int           `json:"connections"`
	Rate        int64         `json:"rate"` // requests a second, of all connections together
	Warm        time.Duration `json:"warm"` // does not count
	For         time.Duration `json:"for"`
}

// Result is what became of it.
type Result struct {
	Times   []time.Duration `json:"times"`   // of what was answered
	Limited int             `json:"limited"` // told that they ask too often
}

// Start does a job in a process of its own: this program again, which has to call Serve for the flag. wait returns the
// result once it is done.
func Start(ctx context.Context, flag string, job Job) (wait func() (Result, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, flag) //nolint:gosec // this program
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a load: %w", err)
	}
	return func() (r Result, err error) {
		if err := cmd.Wait(); err != nil {
			return r, fmt.Errorf("load: %w", err)
		}
		err = json.Unmarshal(out.Bytes(), &r)
		return r, err
	}, nil
}

// Serve is the process of a load.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var job Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	result, err := job.do(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

// do opens all connections, then asks over each in its turn.
func (j Job) do(ctx context.Context) (all Result, err error) {
	clients := make([]*Connection, j.Connections)
	defer func() {
		for _, c := range clients {
			if c != nil {
				_ = c.Close() // it was only read
			}
		}
	}()
	for i := range clients {
		if clients[i], err = Connect(ctx, Request(j.URL, "")); err != nil {
			return all, err
		}
	}
	begun := time.Now()
	results, failed := make([]Result, len(clients)), make([]error, len(clients))
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() {
			first := begun.Add(time.Duration(i) * time.Second / time.Duration(j.Rate))
			results[i], failed[i] = j.over(ctx, c, j.Tokens[i%len(j.Tokens)], first, begun)
		})
	}
	group.Wait()
	for _, r := range results {
		all.Times, all.Limited = append(all.Times, r.Times...), all.Limited+r.Limited
	}
	return all, errors.Join(failed...)
}

// over asks over one connection. A request that is late because the one before it took long has waited since it was due.
func (j Job) over(ctx context.Context, c *Connection, token string, due, begun time.Time) (r Result, err error) {
	raw, step := Request(j.URL, token), time.Duration(j.Connections)*time.Second/time.Duration(j.Rate)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ; due.Before(begun.Add(j.Warm + j.For)); due = due.Add(step) {
		at := due
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return r, ctx.Err()
			}
			at = time.Now() // a timer that wakes late is not the server's
		}
		status, err := c.Ask(raw, http.StatusOK, http.StatusTooManyRequests)
		switch {
		case err != nil:
			return r, err
		case at.Before(begun.Add(j.Warm)):
		case status == http.StatusOK:
			r.Times = append(r.Times, time.Since(at))
		default:
			r.Limited++
		}
	}
	return r, nil
}
