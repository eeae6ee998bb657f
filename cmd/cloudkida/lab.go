package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cloudkida/cloudkida/client"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/lab/proof"
	"github.com/cloudkida/cloudkida/internal/runtime/gvisor"
)

// LabCmd works with labs: directories with a lab.yaml.
type LabCmd struct {
	List LabListCmd `cmd:"" help:"List the catalogue of a server."`
	Show LabShowCmd `cmd:"" help:"Show one lab of it."`
	Lint LabLintCmd `cmd:"" help:"Report everything that is wrong with labs, with file and line."`
	Test LabTestCmd `cmd:"" help:"Prove labs: in a fresh sandbox each check must fail, and pass after the step's solution."`
	Push LabPushCmd `cmd:"" help:"Publish labs as new versions on a server."`
}

// labDirs are the labs that a command is about.
type labDirs struct {
	Dirs []string `arg:"" name:"dir" help:"Directories of labs; plain files are passed over." type:"path"`
}

// load reads the labs. Problems go to stdout, as file:line:column: message, and make an error.
func (l labDirs) load() (labs []*manifest.Lab, err error) {
	count := 0
	for _, dir := range l.Dirs {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			continue // what a shell made of labs/* may have a README beside the labs
		}
		lab, problems := loadDir(dir)
		count += len(problems)
		for _, p := range problems {
			p.File = display(filepath.Join(dir, p.File))
			fmt.Println(p)
		}
		labs = append(labs, lab)
	}
	switch {
	case len(labs) == 0:
		return nil, errors.New("no directory of a lab is among the arguments")
	case count == 0:
		return labs, nil
	case count == 1:
		return nil, errors.New("1 problem")
	default:
		return nil, fmt.Errorf("%d problems", count)
	}
}

func loadDir(dir string) (*manifest.Lab, manifest.Problems) {
	root, err := os.OpenRoot(dir) // no symbolic link leads out of it
	if err != nil {
		return nil, manifest.Problems{{Message: err.Error()}}
	}
	defer root.Close() //nolint:errcheck // it was only read
	return manifest.Load(root.FS())
}

// display is a path as an editor takes it: relative to where the command runs, if it lies below.
func display(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// LabLintCmd reports what is wrong with labs.
type LabLintCmd struct{ labDirs }

// Run prints every problem.
func (c *LabLintCmd) Run() error {
	labs, err := c.load()
	if err != nil {
		return err
	}
	for _, l := range labs {
		fmt.Printf("%s: ok, %d steps\n", l.Slug, len(l.Steps))
	}
	return nil
}

// LabTestCmd proves labs in real sandboxes.
type LabTestCmd struct {
	labDirs
	Report  string `help:"Also write the result as JUnit XML." placeholder:"FILE"`
	Verbose bool   `short:"v" help:"List every case, not only those that failed."`
	Runsc   string `help:"The gVisor runtime. Default: runsc beside the program, then on PATH." env:"CLOUDKIDA_RUNSC" placeholder:"FILE"`
}

// Run tests one lab after the other; the sandboxes' files are removed at the end.
func (c *LabTestCmd) Run(ctx context.Context) (err error) {
	labs, err := c.load()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cloudkida-lab-")
	if err != nil {
		return fmt.Errorf("make a directory for the sandboxes: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	provider, err := gvisor.New(ctx, gvisor.Config{Runsc: c.Runsc, Dir: dir, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, provider.Close()) }() //nolint:contextcheck // closing goes on when the command was stopped
	var results []proof.Result
	failed := 0
	for _, l := range labs {
		r := proof.Run(ctx, provider, l)
		results = append(results, r)
		if len(r.Failures()) > 0 {
			failed++
		}
		if err := r.WriteText(os.Stdout, c.Verbose); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := c.report(results); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d labs failed", failed, len(labs))
	}
	return nil
}

func (c *LabTestCmd) report(results []proof.Result) error {
	if c.Report == "" {
		return nil
	}
	var buf bytes.Buffer
	if err := proof.WriteJUnit(&buf, results); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := os.WriteFile(c.Report, buf.Bytes(), 0o644); err != nil { //nolint:gosec // a report is for everybody
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// LabPushCmd publishes labs.
type LabPushCmd struct {
	labDirs
	remote
}

// pushTime bounds one upload with its answer.
const pushTime = 3 * time.Minute

// Run publishes one lab after the other.
func (c *LabPushCmd) Run(ctx context.Context) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	labs, err := c.load()
	if err != nil {
		return err
	}
	for _, l := range labs {
		if err := c.push(ctx, conn, l); err != nil {
			return fmt.Errorf("%s: %w", l.Slug, err)
		}
	}
	return nil
}

func (c *LabPushCmd) push(ctx context.Context, conn *client.Conn, l *manifest.Lab) error {
	archive, err := l.Tree().Pack()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pushTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, conn.Server.JoinPath("/v1/labs").String(), bytes.NewReader(archive))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/gzip")
	resp, err := conn.Do(req)
	if err != nil {
		return fmt.Errorf("%w (is the server running there?)", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err == nil {
		err = withCode(client.Check(resp, body))
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return indent(os.Stdout, body)
	}
	var published struct {
		Slug    string `json:"slug"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(body, &published); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		fmt.Printf("%s: version %d has this content already\n", published.Slug, published.Version)
		return nil
	}
	fmt.Printf("%s: version %d published\n", published.Slug, published.Version)
	return nil
}
