// Command bench measures what people feel and what operators pay for: starts, keystrokes, memory and reads. It uses the
// real program over HTTP and WebSocket, and runc on the same root file system beside it in the same run. Absolute figures
// are this machine's, at this moment; ratios last.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cloudkida/cloudkida/bench/load"
	"github.com/cloudkida/cloudkida/bench/peer"
)

// options are the command line.
type options struct {
	Program    string   `help:"The program to measure." default:"bin/cloudkida" type:"path"`
	Runs       int      `help:"Starts of each kind; the median counts." default:"30"`
	Keystrokes int      `help:"Keystrokes whose echo is timed." default:"400"`
	Only       []string `help:"Measure these alone: labs, reads, policy, moves, tenants, identity, chain, noisy, users, audit." enum:"labs,reads,policy,moves,tenants,identity,chain,noisy,users,audit" default:"labs,reads,policy,moves,tenants,identity,chain,noisy,users,audit"`
	Profile    string   `help:"Write a CPU profile of the program to this file while the chain is measured." type:"path"`
	Peer       bool     `help:"Be the bare handler that the program is measured beside." hidden:""`
	Load       bool     `help:"Be who puts a steady load on the program." hidden:""`
}

// limit bounds the whole measurement.
const limit = 20 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var opts options
	k := kong.Parse(&opts, kong.Description("Measures starts, keystrokes, memory and reads, and prints one table."))
	switch {
	case opts.Peer:
		k.FatalIfErrorf(peer.Serve(ctx))
	case opts.Load:
		k.FatalIfErrorf(load.Serve(ctx, os.Stdin, os.Stdout))
	default:
		k.FatalIfErrorf(run(ctx, opts))
	}
}

func run(ctx context.Context, opts options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	dir, err := workDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	say("first start ...")
	srv, err := serve(ctx, opts.Program, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	results := &table{}
	results.add(row{what: "first start to ready", ours: seconds(srv.startup), target: "< 3 s", met: srv.startup < 3*time.Second})

	for _, part := range []struct {
		name    string
		measure func(context.Context, options, *server, *table) error
	}{{"labs", labs}, {"reads", reads}, {"policy", decisions}, {"moves", moves}, {"tenants", tenants}, {"identity", signIns}, {"chain", chain}, {"noisy", noisy}, {"users", users}, {"audit", trails}} {
		if !slices.Contains(opts.Only, part.name) {
			continue
		}
		if err := part.measure(ctx, opts, srv, results); err != nil {
			return err
		}
	}
	return results.write(os.Stdout)
}

// labs measures what learners feel.
func labs(ctx context.Context, opts options, srv *server, results *table) (err error) {
	learner, err := srv.signUp(ctx)
	if err != nil {
		return err
	}
	if err := idle(ctx, srv, results); err != nil {
		return err
	}
	side, err := newSide(ctx, filepath.Dir(srv.data)+"/side", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, side.close()) }() //nolint:contextcheck // it is undone whatever became of ctx
	if err := starts(ctx, learner, side, opts.Runs, results); err != nil {
		return err
	}
	if err := keystrokes(ctx, learner, side, opts.Keystrokes, results); err != nil {
		return err
	}
	return afterwards(srv, results)
}

// workDir is a directory that the embedded database's user can pass.
func workDir() (string, error) {
	dir, err := os.MkdirTemp("", "cloudkida-bench-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) //nolint:gosec // another user runs the database below it
}

// say tells the person who waits what goes on.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
