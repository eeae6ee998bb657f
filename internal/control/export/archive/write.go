package archive

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Source is what Write reads beside the tables.
type Source struct {
	Program string
	Schema  int64
	Tenant  Tenant
	Now     time.Time
	// Members calls yield for every person of the tenant, ordered by id.
	Members func(ctx context.Context, yield func(Member) error) error
	// Spool holds one table at a time: a tar entry begins with its size. Whoever opened it removes it.
	Spool *os.File
	// Progress, if any, hears how many of the rows are written.
	Progress func(done, total int64) error
}

// Write writes the data of the tenant that tx is a snapshot of, and returns the manifest with its hash.
func Write(ctx context.Context, tx pgx.Tx, out io.Writer, in Source) (m Manifest, sum [32]byte, err error) {
	packed := gzip.NewWriter(out)
	w := &writer{
		tar: tar.NewWriter(packed), source: in, seen: map[[32]byte]bool{},
		manifest: Manifest{Format: Format, Program: in.Program, Schema: in.Schema, Tenant: in.Tenant, CreatedAt: in.Now.UTC()},
	}
	err = w.all(ctx, tx)
	if err == nil {
		sum, err = w.writeManifest()
	}
	if err == nil {
		err = errors.Join(w.tar.Close(), packed.Close())
	}
	return w.manifest, sum, Full(err)
}

// Full gives an error about a full disk its remedy.
func Full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return ErrFull.Wrap(err)
	}
	return err
}

type writer struct {
	tar         *tar.Writer
	source      Source
	manifest    Manifest
	seen        map[[32]byte]bool // large values that are written: equal ones are kept once
	done, total int64
}

func (w *writer) all(ctx context.Context, tx pgx.Tx) error {
	// One form of every value, whatever the server's settings are.
	for _, setting := range []string{"timezone = 'UTC'", "datestyle = 'ISO'", "intervalstyle = 'iso_8601'", "extra_float_digits = 1"} {
		if _, err := tx.Exec(ctx, "set local "+setting); err != nil {
			return fmt.Errorf("set %s: %w", setting, err)
		}
	}
	tables, err := Tables(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		var n int64
		if err := tx.QueryRow(ctx, "select count(*) from "+quote(t.Name)).Scan(&n); err != nil {
			return fmt.Errorf("count %s: %w", t.Name, err)
		}
		w.total += n
	}
	for _, t := range tables {
		if err := w.table(ctx, tx, t); err != nil {
			return err
		}
	}
	return w.members(ctx)
}

func (w *writer) table(ctx context.Context, tx pgx.Tx, t Table) error {
	for _, c := range t.Columns {
		if c.Kind == "bytea" {
			if err := w.files(ctx, tx, t, c.Name); err != nil {
				return fmt.Errorf("export files of %s: %w", t.Name, err)
			}
		}
	}
	err := w.lines(dataFolder+t.Name+dataEnd, t.columnNames(), func(line func([]byte) error) error {
		rows, err := tx.Query(ctx, t.rowsSQL())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			// The raw bytes of a text column are the text; they are valid until the next row.
			if err := line(rows.RawValues()[0]); err != nil {
				return err
			}
			w.done++
			if err := w.progress(); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("export %s: %w", t.Name, err)
	}
	return nil
}

// progressEvery is after how many rows somebody hears of them.
const progressEvery = 500

func (w *writer) progress() error {
	if w.source.Progress == nil || w.done%progressEvery != 0 && w.done != w.total {
		return nil
	}
	return w.source.Progress(w.done, w.total)
}

// files writes the large values of a column, before the rows that name them.
func (w *writer) files(ctx context.Context, tx pgx.Tx, t Table, column string) error {
	rows, err := tx.Query(ctx, t.filesSQL(column))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var value []byte
		if err := rows.Scan(&value); err != nil {
			return err
		}
		sum := sha256.Sum256(value)
		if w.seen[sum] {
			continue
		}
		w.seen[sum] = true
		text := hex.EncodeToString(sum[:])
		if err := w.entry(File{Name: filesFolder + text, Bytes: int64(len(value)), SHA256: text}); err != nil {
			return err
		}
		if _, err := w.tar.Write(value); err != nil {
			return err
		}
	}
	return rows.Err()
}

// lines writes an entry whose size is known at its end only: by way of the spool.
func (w *writer) lines(name string, columns []string, produce func(line func([]byte) error) error) error {
	spool := w.source.Spool
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := spool.Truncate(0); err != nil {
		return err
	}
	sum := sha256.New()
	buffered := bufio.NewWriterSize(&tee{spool, sum}, 256<<10)
	f := File{Name: name, Columns: columns}
	err := produce(func(line []byte) error {
		f.Rows++
		f.Bytes += int64(len(line)) + 1
		if _, err := buffered.Write(line); err != nil {
			return err
		}
		return buffered.WriteByte('\n')
	})
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err := w.entry(f); err != nil {
		return err
	}
	_, err = io.Copy(w.tar, spool)
	return err
}

// tee writes to a file and hashes what it took.
type tee struct {
	file *os.File
	sum  hash.Hash
}

func (t *tee) Write(b []byte) (int, error) {
	n, err := t.file.Write(b)
	t.sum.Write(b[:n])
	return n, err
}

func (w *writer) entry(f File) error {
	w.manifest.Files = append(w.manifest.Files, f)
	return w.header(f.Name, f.Bytes)
}

func (w *writer) header(name string, size int64) error {
	return w.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, Typeflag: tar.TypeReg, ModTime: w.source.Now.Truncate(time.Second)})
}

func (w *writer) members(ctx context.Context) error {
	err := w.lines(membersName, nil, func(line func([]byte) error) error {
		if w.source.Members == nil {
			return nil
		}
		return w.source.Members(ctx, func(m Member) error {
			text, err := json.Marshal(m)
			if err != nil {
				return err
			}
			return line(text)
		})
	})
	if err != nil {
		return fmt.Errorf("export members: %w", err)
	}
	return nil
}

func (w *writer) writeManifest() (sum [32]byte, err error) {
	text, err := json.MarshalIndent(w.manifest, "", "  ")
	if err != nil {
		return sum, fmt.Errorf("write the manifest: %w", err)
	}
	text = append(text, '\n')
	if err := w.header(manifestName, int64(len(text))); err != nil {
		return sum, err
	}
	_, err = w.tar.Write(text)
	return sha256.Sum256(text), err
}
