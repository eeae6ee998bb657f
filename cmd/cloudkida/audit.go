package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/server"
)

// AuditCmd looks after audit logs.
type AuditCmd struct {
	Verify AuditVerifyCmd `cmd:"" help:"Prove that audit logs are as they were sealed: nothing changed, removed or added."`
}

// AuditVerifyCmd checks logs in the database, or one that was exported.
type AuditVerifyCmd struct {
	dataFlags
	Tenant      string `help:"Check the log of this organisation." xor:"what" placeholder:"NAME"`
	Operators   bool   `help:"Check the operators' log." xor:"what"`
	All         bool   `help:"Check the logs of all organisations and the operators' log." xor:"what"`
	File        string `help:"Check an exported log (JSON Lines) or a whole archive (.tar.gz), without a database." xor:"what" type:"existingfile" placeholder:"FILE"`
	Partial     bool   `help:"With --file: it is an excerpt; entries may be missing, those that are there must be genuine."`
	Key         string `help:"Public key (PEM) that may have signed beside this installation's own." type:"existingfile" placeholder:"FILE"`
	Holds       string `help:"A head that was kept apart, as an earlier run printed it: the log must have it still." placeholder:"SEQ:HASH"`
	JSON        bool   `help:"Print the reports as JSON Lines." name:"json"`
	DatabaseURL string `help:"As of serve." env:"CLOUDKIDA_DATABASE_URL" placeholder:"URL"`
}

// errBroken makes the exit code 1 after the faults are printed.
var errBroken = errors.New("an audit log is not as it was sealed")

// Run checks and tells what it found.
func (c *AuditVerifyCmd) Run(ctx context.Context) error {
	r := server.VerifyRequest{Data: c.Data, MasterKey: c.MasterKey, DatabaseURL: c.DatabaseURL, Tenant: c.Tenant, Operators: c.Operators, Holds: c.Holds, Key: c.Key}
	if c.File != "" {
		found, err := server.VerifyAuditFile(c.File, r, c.Partial)
		if err != nil {
			return err
		}
		return errors.Join(c.print(c.File, &found.Report, found.Missing), broken(found.Intact()))
	}
	if c.Tenant == "" && !c.All && !c.Operators {
		return errors.New("say which log: --tenant NAME, --operators, --all or --file FILE")
	}
	if c.Holds != "" && c.All {
		return errors.New("--holds is of one log: give --tenant or --operators instead of --all")
	}
	intact := true
	err := server.VerifyAudit(ctx, r, func(name string, found *chain.Report) error {
		intact = intact && found.Intact()
		return c.print(name, found, 0)
	})
	return errors.Join(err, broken(intact))
}

func broken(intact bool) error {
	if intact {
		return nil
	}
	return errBroken
}

func (c *AuditVerifyCmd) print(name string, r *chain.Report, missing int64) error {
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(struct {
			Name string `json:"name"`
			*chain.Report
			Missing int64 `json:"missing"`
			Intact  bool  `json:"intact"`
		}{name, r, missing, r.Intact()})
	}
	verdict := "intact"
	if !r.Intact() {
		verdict = "BROKEN"
	}
	fmt.Printf("%s: %s, %d entries in %d seals", name, verdict, r.Entries, r.Seals)
	for _, part := range []struct {
		count int64
		words string
	}{{r.Waiting, "wait for their seal"}, {r.Deleted, "were deleted because they were old"}, {missing, "are not in the file"}} {
		if part.count > 0 {
			fmt.Printf(", %d %s", part.count, part.words)
		}
	}
	fmt.Printf("\n  head %s\n", r.Head)
	for _, f := range r.Faults {
		fmt.Printf("  %s\n", f)
	}
	return nil
}
