package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/postgres"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

// Version of the program, set by the linker.
var Version = "dev" //nolint:gochecknoglobals // the linker sets variables only

// stopTime is how long requests and jobs may take to end after the process was told to stop.
const stopTime = 10 * time.Second

// Run serves until ctx ends. What people should read, such as addresses, goes to out; everything else to log.
func Run(ctx context.Context, cfg Config, out io.Writer, log *slog.Logger) error {
	if err := cfg.Complete(); err != nil {
		return err
	}
	collectLess()
	lock, err := postgres.LockData(cfg.Data)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // the lock ends with the process
	listener, err := listen(ctx, cfg.Listen, "--listen")
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // closed by the server that uses it
	store, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer store.close(log) //nolint:contextcheck // closing goes on when ctx has ended
	p, err := assemble(ctx, cfg, store, log)
	if err != nil {
		return err
	}
	defer p.close() //nolint:contextcheck // closing goes on when ctx has ended
	return p.serve(ctx, listener, out)
}

// heapGrowth is by how many percent the heap grows before garbage is collected. The program lives on some 30 MB, which
// requests fill again in less than a second: at Go's 100 a loaded server answers a quarter fewer.
const heapGrowth = 200

// collectLess sets it, unless the operator did.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}

func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w (is another server running? choose another address with %s)", flag, address, err, flag)
	}
	return l, nil
}

// store is the database with the key that seals what is secret in it.
type store struct {
	key          *secret.Key
	server       *postgres.Server // nil with a foreign database
	installation db.Installation
}

// openStore starts the embedded database, or uses the foreign one, and brings it up to date.
func openStore(ctx context.Context, cfg Config, log *slog.Logger) (*store, error) {
	key, err := secret.Load(cfg.Data, cfg.MasterKey)
	if err != nil {
		return nil, err
	}
	s := &store{key: key}
	s.installation.Admin = cfg.DatabaseURL
	s.installation.Password = func(r db.Role) string { return key.Derive("database role " + string(r)) }
	if cfg.DatabaseURL == "" {
		s.server, err = postgres.Start(ctx, postgres.Config{
			Binaries: cfg.Postgres, Data: cfg.Data, Password: key.Derive(superuserPurpose), Log: log,
		})
		if err != nil {
			return nil, err
		}
		s.installation.Admin = s.server.URL(postgres.Superuser, key.Derive(superuserPurpose), database)
		if err := s.installation.CreateDatabase(ctx); err != nil {
			return nil, errors.Join(err, s.server.Stop(context.WithoutCancel(ctx)))
		}
	}
	if err := s.installation.Prepare(ctx); err != nil {
		s.close(log) //nolint:contextcheck // closing goes on when ctx has ended
		return nil, err
	}
	return s, nil
}

func (s *store) close(log *slog.Logger) {
	if s.server == nil {
		return
	}
	if err := s.server.Stop(context.Background()); err != nil {
		log.Error("stop the database", "error", err)
	}
}

// lost is closed when the embedded database ended by itself; never with a foreign one.
func (s *store) lost() <-chan struct{} {
	if s.server == nil {
		return nil
	}
	return s.server.Done()
}

// The embedded database's name and what its superuser's password is derived from.
const (
	database         = "cloudkida"
	superuserPurpose = "database superuser"
)

// DatabaseURL is the administrator's connection string of a data directory's embedded database, for inspection.
func DatabaseURL(data, masterKey string) (string, error) {
	if _, err := os.Stat(data); err != nil {
		return "", fmt.Errorf("there is no data directory %s: name it with --data", data)
	}
	key, err := secret.Load(data, masterKey)
	if err != nil {
		return "", err
	}
	return postgres.URL(data, postgres.Superuser, key.Derive(superuserPurpose), database), nil
}

// serve runs everything until ctx ends, the database is lost or a part fails; then it stops everything in order.
func (p *program) serve(ctx context.Context, listener net.Listener, out io.Writer) error {
	group, ctx := errgroup.WithContext(ctx)
	public, _ := p.handler() //nolint:contextcheck // handlers take their context from the request
	group.Go(func() error { return serveHTTP(ctx, public, listener, p.closeStreams) })
	if p.cfg.OpsListen != "" {
		ops, err := listen(ctx, p.cfg.OpsListen, "--ops-listen")
		if err != nil {
			return err
		}
		group.Go(func() error { return serveHTTP(ctx, httpx.Bounded(p.opsMux()), ops, nil) })
	}
	group.Go(func() error { return p.hints.Run(ctx) })
	group.Go(func() error { p.denials.Run(ctx); return nil })
	group.Go(func() error { return p.work(ctx) })
	group.Go(func() error { return p.usage.Run(ctx) })
	group.Go(func() error { p.keepHolds(ctx); return nil })
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-p.store.lost():
			return fmt.Errorf("the embedded database ended: %w", p.store.server.Err())
		}
	})
	if err := p.greet(ctx, out); err != nil && ctx.Err() == nil {
		group.Go(func() error { return err }) // which stops the rest
	}
	err := group.Wait()
	p.farewell(out)
	return err
}

// closeStreams ends terminals, web ports and event streams, telling browsers to come back.
func (p *program) closeStreams(ctx context.Context) error {
	return errors.Join(p.terminals.Close(ctx), p.webports.Close(ctx))
}

// serveHTTP serves until ctx ends; requests that are under way get stopTime to end, streams are ended by closeStreams.
func serveHTTP(ctx context.Context, handler http.Handler, l net.Listener, closeStreams func(context.Context) error) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, end := context.WithTimeout(base, stopTime)
	defer end()
	if closeStreams != nil {
		if err := closeStreams(stop); err != nil {
			slog.WarnContext(stop, "close streams", "error", err)
		}
	}
	time.AfterFunc(time.Second, cancel) // event streams go on until their context ends
	if err := srv.Shutdown(stop); err != nil {
		return srv.Close()
	}
	return nil
}
