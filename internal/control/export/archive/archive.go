// Package archive is the form in which a tenant's data leaves an installation and enters another: a tar.gz with a JSON Lines
// file per table, large values as files of their own, and a manifest with the hash of each. docs/tenant-archive.md describes
// it. Tables come from the database's catalogue, so that a new one is exported without a change here. Neither Write nor Load
// holds more than one row in memory.
package archive

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Format is the version of the form that this program writes, and the newest that it reads.
const Format = 1

// Names within an archive. The manifest is the last, because it has the hashes of all others.
const (
	manifestName = "manifest.json"
	membersName  = "members.jsonl"
	dataFolder   = "data/"
	dataEnd      = ".jsonl"
	filesFolder  = "files/"
)

var names = regexp.MustCompile(`^(manifest\.json|members\.jsonl|data/[a-z_][a-z0-9_]{0,62}\.jsonl|files/[0-9a-f]{64})$`)

// inlineBytes is up to how many bytes a bytea value stands in its row; a longer one is a file of its own.
const inlineBytes = 1024

// Manifest says what is in an archive. Its own hash proves the whole.
type Manifest struct {
	Format    int       `json:"format"`
	Program   string    `json:"program"` // version that wrote it
	Schema    int64     `json:"schema"`  // version of the tenant tables
	Tenant    Tenant    `json:"tenant"`
	CreatedAt time.Time `json:"createdAt"`
	Files     []File    `json:"files"` // in the order of the archive
}

// Tenant is whose data it is.
type Tenant struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Title string    `json:"title"`
}

// File is one entry of an archive.
type File struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns,omitempty"` // of a table: every row has exactly these
	Rows    int64    `json:"rows"`
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
}

// Member is a person of the tenant. It has no password and no secret: nobody can sign in with it.
type Member struct {
	ID    uuid.UUID `json:"id"`
	Email string    `json:"email"`
	Name  string    `json:"name"`
	Role  string    `json:"role"`
}

// Rows counts the rows of all tables.
func (m Manifest) Rows() (n int64) {
	for _, f := range m.Files {
		if table(f.Name) != "" {
			n += f.Rows
		}
	}
	return n
}

// Tables counts the rows of each table.
func (m Manifest) Tables() map[string]int64 {
	rows := map[string]int64{}
	for _, f := range m.Files {
		if name := table(f.Name); name != "" {
			rows[name] = f.Rows
		}
	}
	return rows
}

// Loaded gives the number of rows of each table that Load adds rows to.
func (m Manifest) Loaded() map[string]int64 {
	rows := m.Tables()
	for _, name := range seals() {
		delete(rows, name)
	}
	return rows
}

// Limits bound what Load reads: an archive comes from outside.
type Limits struct {
	Bytes   int64 // unpacked, in all
	Entries int
	Rows    int64
	Line    int // bytes of one row
	File    int64
	Members int
}

// DefaultLimits are far above what a tenant has. Packed text unpacks to a thousand times its size at most.
func DefaultLimits() Limits {
	return Limits{Bytes: 64 << 30, Entries: 200_000, Rows: 100_000_000, Line: 16 << 20, File: 64 << 20, Members: 200_000}
}

// maxManifest bounds the manifest, which is read whole: about 200 bytes per entry.
const maxManifest = 64 << 20

// Reasons why an archive is refused. Nothing of it is kept then.
var (
	ErrInvalid = errs.Invalid("invalid_archive", "This is no archive of an organisation, or it was changed. Make a new export.")
	ErrNewer   = errs.Invalid("archive_newer", "This archive was made by a newer program. Upgrade this installation, then import it again.")
	ErrTooBig  = errs.TooLarge("archive_too_large", "This archive is larger than an organisation's may be.")
	ErrUsed    = errs.Conflict("tenant_not_empty", "This organisation has data already: import into a new one.")
	ErrFull    = errs.Unavailable("disk_full", "The disk is full: nothing was kept. Make room, then try again.")
)

func invalid(format string, args ...any) error {
	return ErrInvalid.Because("This archive is refused: "+format+". Make a new export.", args...)
}

// table is the table whose rows an entry has; "" when it has none.
func table(name string) string {
	if len(name) <= len(dataFolder)+len(dataEnd) || name[:len(dataFolder)] != dataFolder {
		return ""
	}
	return name[len(dataFolder) : len(name)-len(dataEnd)]
}

// parseManifest reads a manifest and refuses what this program does not know.
func parseManifest(text []byte) (m Manifest, err error) {
	var first struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &first); err != nil {
		return m, invalid("its manifest is not JSON: %v", err)
	}
	switch {
	case first.Format > Format:
		return m, ErrNewer.Because("This archive has format %d, and this program reads up to %d. Upgrade this installation, then import it again.", first.Format, Format)
	case first.Format < 1:
		return m, invalid("its manifest has no format")
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, invalid("its manifest cannot be read: %v", err)
	}
	for _, f := range m.Files {
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 || !names.MatchString(f.Name) || f.Name == manifestName {
			return m, invalid("its manifest names %q", f.Name)
		}
	}
	return m, nil
}

// columnError says where a row is wrong.
func columnError(table string, line int64, format string, args ...any) error {
	return invalid("data/%s.jsonl, line %d: %s", table, line, fmt.Sprintf(format, args...))
}
