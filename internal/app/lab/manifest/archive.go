package manifest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// tarOverhead is what headers and padding may add to the files of an archive.
const tarOverhead = (MaxFiles + maxDirs) * 4096

// ErrArchive is wrapped by all errors of Unpack; their texts are meant for people.
var ErrArchive = errors.New("not a lab archive")

// Pack writes the tree as a tar.gz. Equal trees give equal bytes: no times, owners or umasks are in it.
func (t Tree) Pack() ([]byte, error) {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack lab: %w", err)
	}
	w := tar.NewWriter(z)
	for _, name := range t.Paths() {
		e := t[name]
		head := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(e.Mode()), Size: int64(len(e.Data)), Format: tar.FormatPAX}
		if err := w.WriteHeader(head); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := w.Write(e.Data); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		return nil, fmt.Errorf("pack lab: %w", err)
	}
	return buf.Bytes(), nil
}

// Unpack reads a tar.gz of a lab's directory. It trusts nothing in it: names stay within the lab, only plain files and
// directories are taken, and it stops at the bounds of a lab however much the archive would unpack to.
func Unpack(r io.Reader) (Tree, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, archiveError(err, "it is not gzip")
	}
	in := &io.LimitedReader{R: z, N: MaxBytes + tarOverhead}
	t, reader := Tree{}, tar.NewReader(in)
	left := int64(MaxBytes)
	for entries := 0; ; entries++ {
		head, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return t, nil
		case err != nil && in.N <= 0, entries > MaxFiles+maxDirs:
			return nil, fmt.Errorf("%w: it unpacks to more than %d MiB or %d files", ErrArchive, MaxBytes>>20, MaxFiles)
		case err != nil:
			return nil, archiveError(err, "it is damaged")
		}
		if err := t.take(head, reader, &left); err != nil {
			return nil, err
		}
	}
}

// take adds one entry of an archive to the tree.
func (t Tree) take(head *tar.Header, r io.Reader, left *int64) error {
	name := path.Clean(strings.TrimPrefix(head.Name, "./"))
	switch head.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	case tar.TypeReg:
	default:
		return fmt.Errorf("%w: %q is a link or a special file; only plain files are taken", ErrArchive, head.Name)
	}
	if message := badPath(name); message != "" || path.IsAbs(head.Name) {
		return fmt.Errorf("%w: the file name %q leads out of the lab or is not portable", ErrArchive, head.Name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if ignored(part) {
			return nil
		}
	}
	if _, twice := t[name]; twice {
		return fmt.Errorf("%w: %q is in it twice", ErrArchive, name)
	}
	if len(t) == MaxFiles || head.Size > *left {
		return fmt.Errorf("%w: it unpacks to more than %d MiB or %d files", ErrArchive, MaxBytes>>20, MaxFiles)
	}
	data, err := io.ReadAll(io.LimitReader(r, head.Size))
	if err != nil {
		return archiveError(err, "it is damaged")
	}
	*left -= int64(len(data))
	t[name] = Entry{Executable: head.Mode&0o111 != 0, Data: data}
	return nil
}

func archiveError(err error, what string) error {
	return fmt.Errorf("%w: %s: %w", ErrArchive, what, err)
}
