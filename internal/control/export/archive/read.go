package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/google/uuid"
)

// Checked is an archive whose every hash was checked. Its large values are files in a directory of the caller's.
type Checked struct {
	Manifest Manifest
	Sum      [32]byte // of the manifest
	Members  []Member

	dir    *os.Root
	limits Limits
}

// Check reads an archive whole, refuses it unless everything in it is as its manifest says, and keeps its large values in
// dir by their hash. Nothing in it is believed before.
func Check(in io.Reader, dir *os.Root, limits Limits) (*Checked, error) {
	c := &Checked{dir: dir, limits: limits}
	found := map[string]File{}
	var order []string
	err := each(in, limits, func(name string, size int64, body io.Reader) error {
		if name == manifestName {
			return c.readManifest(size, body)
		}
		f, err := c.checkEntry(name, size, body)
		if err != nil {
			return err
		}
		found[name] = f
		order = append(order, name)
		return nil
	})
	if err == nil {
		err = c.compare(found, order)
	}
	return c, err
}

// readManifest reads the last entry.
func (c *Checked) readManifest(size int64, body io.Reader) error {
	if size > maxManifest {
		return ErrTooBig
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	c.Sum = sha256.Sum256(text)
	c.Manifest, err = parseManifest(text)
	return err
}

// checkEntry hashes and counts one entry.
func (c *Checked) checkEntry(name string, size int64, body io.Reader) (f File, err error) {
	sum := sha256.New()
	f = File{Name: name}
	body = io.TeeReader(body, sum)
	switch {
	case name == membersName:
		f.Rows, f.Bytes, err = c.readMembers(body)
	case table(name) != "":
		var number int64
		f.Rows, f.Bytes, err = eachLine(body, c.limits, func(line []byte) error {
			number++
			if _, err := object(line); err != nil {
				return columnError(table(name), number, "%v", err)
			}
			return nil
		})
	default:
		f.Bytes, err = c.keep(name[len(filesFolder):], size, body)
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err == nil && table(name) == "" && name != membersName && name != filesFolder+f.SHA256 {
		err = invalid("%s has another hash than its name", name)
	}
	return f, err
}

// keep writes a large value to the directory.
func (c *Checked) keep(name string, size int64, body io.Reader) (int64, error) {
	if size > c.limits.File {
		return 0, ErrTooBig
	}
	f, err := c.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("keep a file of the archive: %w", err)
	}
	n, err := io.Copy(f, body)
	return n, Full(errors.Join(err, f.Close()))
}

// file is a large value by its hash.
func (c *Checked) file(hash string) ([]byte, error) {
	value, err := c.dir.ReadFile(hash)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, invalid("it has no file %s", hash)
	}
	if err != nil {
		return nil, fmt.Errorf("read a file of the archive: %w", err)
	}
	return value, nil
}

func (c *Checked) readMembers(body io.Reader) (rows, size int64, err error) {
	return eachLine(body, c.limits, func(line []byte) error {
		var m Member
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&m); err != nil || decoder.More() || m.ID == uuid.Nil || m.Email == "" {
			return invalid("members.jsonl, line %d is no person", len(c.Members)+1)
		}
		if len(c.Members) >= c.limits.Members {
			return ErrTooBig
		}
		c.Members = append(c.Members, m)
		return nil
	})
}

// compare refuses entries that the manifest does not name, and the other way round.
func (c *Checked) compare(found map[string]File, order []string) error {
	if c.Manifest.Format == 0 {
		return invalid("it has no manifest")
	}
	if len(order) != len(c.Manifest.Files) {
		return invalid("it has %d files, and its manifest %d", len(order), len(c.Manifest.Files))
	}
	for i, want := range c.Manifest.Files {
		got, ok := found[want.Name]
		if !ok || order[i] != want.Name {
			return invalid("%s is not where its manifest says", want.Name)
		}
		if got.SHA256 != want.SHA256 || got.Bytes != want.Bytes || got.Rows != want.Rows {
			return invalid("%s is not as its manifest says", want.Name)
		}
	}
	if c.Manifest.Rows() > c.limits.Rows {
		return ErrTooBig
	}
	return nil
}

// each calls fn for every entry, in order, and refuses what an archive of ours never has.
func each(in io.Reader, limits Limits, fn func(name string, size int64, body io.Reader) error) error {
	unpacked, err := gzip.NewReader(bufio.NewReaderSize(in, 256<<10))
	if err != nil {
		return invalid("it is not a .tar.gz: %v", err)
	}
	bounded := &bound{in: unpacked, left: limits.Bytes}
	entries := tar.NewReader(bounded)
	seen := map[string]bool{}
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return ending(bounded)
		}
		if err != nil {
			return reading(err)
		}
		switch {
		case header.Typeflag != tar.TypeReg || !names.MatchString(header.Name):
			return invalid("it has an entry %.80q", header.Name)
		case seen[header.Name]:
			return invalid("it has %s twice", header.Name)
		case seen[manifestName]:
			return invalid("something follows its manifest")
		case len(seen) >= limits.Entries || header.Size > limits.Bytes:
			return ErrTooBig
		}
		seen[header.Name] = true
		if err := fn(header.Name, header.Size, entries); err != nil {
			return reading(err)
		}
	}
}

// ending refuses what follows the end of the tar: nothing hashes it. Zeros fill its last block.
func ending(in io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := in.Read(buffer)
		if len(bytes.Trim(buffer[:n], "\x00")) > 0 {
			return invalid("something follows its end")
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return reading(err)
		}
	}
}

// reading tells an archive that is broken from a reader that fails.
func reading(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, tar.ErrInsecurePath), errors.Is(err, tar.ErrFieldTooLong), errors.As(err, &corrupt):
		return invalid("it is damaged: %v", err)
	default:
		return err
	}
}

// bound refuses to unpack more than so many bytes.
type bound struct {
	in   io.Reader
	left int64
}

func (b *bound) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooBig
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// eachLine calls fn for every line, whose bytes are valid until the next one. The last line ends like all others.
func eachLine(in io.Reader, limits Limits, fn func([]byte) error) (rows, size int64, err error) {
	lines := bufio.NewReaderSize(in, 64<<10)
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		if len(line)+len(part) > limits.Line {
			return rows, size, ErrTooBig
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) == 0:
			return rows, size, nil
		case errors.Is(err, io.EOF):
			return rows, size, invalid("a line has no end")
		case err != nil:
			return rows, size, err
		}
		rows++
		size += int64(len(line))
		if rows > limits.Rows {
			return rows, size, ErrTooBig
		}
		if err := fn(line[:len(line)-1]); err != nil {
			return rows, size, err
		}
		line = line[:0]
	}
}

// rehash hashes what is read once more, as it is used.
func rehash(in io.Reader) (io.Reader, hash.Hash) {
	sum := sha256.New()
	return io.TeeReader(in, sum), sum
}
