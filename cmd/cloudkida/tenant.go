package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/cloudkida/cloudkida/internal/server"
)

// TenantCmd works with whole tenants.
type TenantCmd struct {
	Import TenantImportCmd `cmd:"" help:"Make a tenant from an archive that was exported here or elsewhere, on the server's own machine."`
}

// TenantImportCmd imports an archive.
type TenantImportCmd struct {
	dataFlags
	Archive     string `arg:"" help:"The archive: a .tar.gz from an organisation's export." type:"existingfile"`
	Name        string `help:"The new tenant's URL-safe name." required:"" placeholder:"NAME"`
	Title       string `help:"The organisation's name as people read it. Default: the archive's." placeholder:"TEXT"`
	Manifest    string `help:"Refuse any other archive than the one whose manifest has this SHA-256, as the export showed it." placeholder:"HASH"`
	Members     string `help:"Write the people to invite to this file, as JSON Lines. Default: they are printed." placeholder:"FILE"`
	DatabaseURL string `help:"As of serve." env:"CLOUDKIDA_DATABASE_URL" placeholder:"URL"`
}

// Run imports it and tells what is there now.
func (c *TenantImportCmd) Run(ctx context.Context) error {
	r, err := server.ImportTenant(ctx, server.ImportRequest{
		Data: c.Data, MasterKey: c.MasterKey, DatabaseURL: c.DatabaseURL, Archive: c.Archive, Name: c.Name, Title: c.Title, Manifest: c.Manifest,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	tables := make([]string, 0, len(r.Rows))
	for name := range r.Rows {
		tables = append(tables, name)
	}
	slices.Sort(tables)
	fmt.Printf("%s: imported from %s (%s)\n", c.Name, r.Origin.Name, r.Origin.ID)
	for _, name := range tables {
		fmt.Printf("%10d  %s\n", r.Rows[name], name)
	}
	fmt.Printf("manifest %s\n", r.Manifest)
	fmt.Printf("%d people are to be invited: no account was made, because nobody has proved their e-mail address here.\n", len(r.Members))
	fmt.Printf("Next: invite the first owner in the console, under Operator, Organisations, %s.\n", c.Name)
	out := os.Stdout
	if c.Members != "" {
		if out, err = os.OpenFile(c.Members, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return fmt.Errorf("--members: %w", err)
		}
		defer out.Close() //nolint:errcheck // the encoder's errors are
	}
	lines := json.NewEncoder(out)
	for _, m := range r.Members {
		if err := lines.Encode(m); err != nil {
			return fmt.Errorf("write the people to invite: %w", err)
		}
	}
	return nil
}
