package export

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Importer loads archives.
type Importer struct {
	DB     *db.DB
	System tenancy.Permission // of the program itself
	Schema int64              // version of the tenant tables
	Dir    string             // for large values while an archive is loaded
	Limits archive.Limits
	// Loaded, if any, is the last thing in the transaction that loads a tenant.
	Loaded func(ctx context.Context, tx pgx.Tx, r Report) error
}

// Report tells what was loaded. The members have no accounts here: they are for whoever invites them.
type Report struct {
	Origin   archive.Tenant   // where it comes from
	Manifest string           // SHA-256 of the manifest, in hexadecimal
	Rows     map[string]int64 // by table
	Members  []archive.Member
}

// Import checks an archive whole and then loads it into a tenant, which must have no data yet, in one transaction. The
// archive is read twice. Ids stay as they are; everything becomes the tenant's.
func (i *Importer) Import(ctx context.Context, tenant uuid.UUID, in io.ReadSeeker) (Report, error) {
	return i.ImportNew(ctx, in, func(Report) (uuid.UUID, error) { return tenant, nil })
}

// ImportNew is Import into the tenant that choose makes, once the archive is known to be whole.
func (i *Importer) ImportNew(ctx context.Context, in io.ReadSeeker, choose func(Report) (uuid.UUID, error)) (r Report, err error) {
	name, err := os.MkdirTemp(i.Dir, "import-*")
	if err != nil {
		return r, fmt.Errorf("make a directory for the archive's files: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(name)) }()
	dir, err := os.OpenRoot(name)
	if err != nil {
		return r, fmt.Errorf("open the directory for the archive's files: %w", err)
	}
	defer dir.Close() //nolint:errcheck // it is removed
	checked, err := archive.Check(in, dir, i.Limits)
	if err != nil {
		return r, err
	}
	r = report(checked)
	tenant, err := choose(r)
	if err != nil {
		return r, err
	}
	ctx = tenancy.System(ctx, tenant)
	err = i.DB.InWholeTenant(ctx, i.System, func(tx pgx.Tx) error {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the archive again: %w", err)
		}
		if err := checked.Load(ctx, tx, in, i.Schema); err != nil {
			return err
		}
		if i.Loaded == nil {
			return nil
		}
		return i.Loaded(ctx, tx, r)
	})
	return r, err
}

func report(c *archive.Checked) Report {
	return Report{Origin: c.Manifest.Tenant, Manifest: hex.EncodeToString(c.Sum[:]), Rows: c.Manifest.Loaded(), Members: c.Members}
}
