package export_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/export"
	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/platform/workflow/workflowtest"
)

func TestMain(m *testing.M) { workflowtest.Main(m, build) }

// dirOf is the directory of a database's archives: the same in the process that is killed.
func dirOf(in db.Installation) string {
	sum := sha256.Sum256([]byte(in.Admin))
	return filepath.Join(os.TempDir(), "cloudkida-export-"+hex.EncodeToString(sum[:8]))
}

// build makes an engine that knows exports.
func build(ctx context.Context, in db.Installation) (*workflow.Engine, error) {
	s, err := newService(ctx, in)
	if err != nil {
		return nil, err
	}
	return s.Engine, nil
}

func newService(ctx context.Context, in db.Installation) (*export.Service, error) {
	e, err := workflowtest.NewEngine(ctx, in)
	if err != nil {
		return nil, err
	}
	places, err := db.NewPlaces(e.Pool)
	if err != nil {
		return nil, err
	}
	app, err := in.Open(ctx, db.App, 4)
	if err != nil {
		return nil, err
	}
	s := &export.Service{
		DB:      &db.DB{Pool: app, Places: places, Authorize: func(context.Context, tenancy.Permission) error { return nil }},
		Control: e.Pool, Engine: e, Export: anything, System: anything, Program: "test", Schema: 1, Log: slog.New(slog.DiscardHandler),
		Members: func(ctx context.Context, tenant uuid.UUID, yield func(archive.Member) error) error {
			return people(tenant)(ctx, yield)
		},
		Files: export.Files{Dir: dirOf(in), Host: "here"},
	}
	e.Add(s.Workflow())
	return s, nil
}
