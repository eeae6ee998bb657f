package chain

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"
)

// Line is one line of an export of an audit log: an entry, a seal or a checkpoint.
type Line struct {
	Entry      *Entry      `json:"entry,omitempty"`
	Seal       *Seal       `json:"seal,omitempty"`
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
}

// FileOptions say what is wanted of a file.
type FileOptions struct {
	Keys    Keys
	Partial bool   // an excerpt: entries and seals may be missing, and what is there must be genuine
	Holds   string // as in Limits
}

// FileReport is what VerifyFile found.
type FileReport struct {
	Report
	Missing int64 `json:"missing"` // entries of the file's seals that are not in it
}

// VerifyFile checks what was exported, without any database: JSON Lines of an audit log, or a whole archive (.tar.gz). It
// remembers about 200 bytes of each entry.
func VerifyFile(in io.Reader, o FileOptions) (*FileReport, error) {
	f := &file{entries: map[uuid.UUID]Entry{}}
	buffered := bufio.NewReader(in)
	magic, _ := buffered.Peek(2)
	read := f.lines
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		read = f.archive
	}
	if err := read(buffered); err != nil {
		return nil, err
	}
	return f.verify(o)
}

// file is what was found in a file.
type file struct {
	entries     map[uuid.UUID]Entry
	twice       []uuid.UUID
	seals       []Seal
	checkpoints []Checkpoint
}

func (f *file) add(l Line) {
	switch {
	case l.Entry != nil:
		if _, ok := f.entries[l.Entry.ID]; ok {
			f.twice = append(f.twice, l.Entry.ID)
		}
		f.entries[l.Entry.ID] = *l.Entry
	case l.Seal != nil:
		f.seals = append(f.seals, *l.Seal)
	case l.Checkpoint != nil:
		f.checkpoints = append(f.checkpoints, *l.Checkpoint)
	}
}

// maxLine bounds one line: a seal of a thousand entries has a tenth of it.
const maxLine = 16 << 20

func (f *file) lines(in io.Reader) error {
	return eachLine(in, func(text []byte) error {
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			return err
		}
		if l == (Line{}) {
			return errors.New("it is no entry, seal or checkpoint; is this an export of an audit log as JSON Lines?")
		}
		f.add(l)
		return nil
	})
}

func eachLine(in io.Reader, fn func([]byte) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if err := fn(lines.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// archive reads the three tables of an archive, in which rows have no tenant.
func (f *file) archive(in io.Reader) error {
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	for files := tar.NewReader(unpacked); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		var row func() (Line, any)
		switch header.Name {
		case "data/audit_entry.jsonl":
			row = func() (Line, any) { e := &Entry{}; return Line{Entry: e}, e }
		case "data/audit_seal.jsonl":
			row = func() (Line, any) { s := &Seal{}; return Line{Seal: s}, s }
		case "data/audit_checkpoint.jsonl":
			row = func() (Line, any) { c := &Checkpoint{}; return Line{Checkpoint: c}, c }
		default:
			continue
		}
		if err := eachLine(files, func(text []byte) error {
			l, into := row()
			if err := json.Unmarshal(text, into); err != nil {
				return err
			}
			f.add(l)
			return nil
		}); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

// verify walks along the chain as far as the file has it.
func (f *file) verify(o FileOptions) (*FileReport, error) {
	r := &FileReport{Report: Report{Head: Head{Hash: start}, Faults: []Fault{}}}
	w := &walk{keys: o.Keys, report: &r.Report, holds: o.Holds}
	slices.SortFunc(f.seals, func(a, b Seal) int { return cmp.Compare(a.Seq, b.Seq) })
	if len(f.seals) == 0 && len(f.checkpoints) == 0 && len(f.entries) == 0 {
		return nil, errors.New("the file has no audit log")
	}
	for _, s := range f.seals { // whose log it is says the first seal that is genuine
		if st, err := o.Keys.read(s); err == nil {
			r.Tenant = st.Tenant
			break
		}
	}
	for _, c := range f.checkpoints {
		w.checkpoint(c)
	}
	sealed := map[uuid.UUID]struct{}{}
	for _, s := range f.seals {
		if o.Partial && s.Seq > w.last+1 { // what is between is not in the file
			if st, err := o.Keys.read(s); err == nil {
				w.last, r.Head.Hash = s.Seq-1, st.Previous
			}
		}
		st := w.seal(s)
		r.Missing += w.entries(s.Seq, st.Entries, f.entries, !o.Partial)
		for _, i := range st.Entries {
			sealed[i.id] = struct{}{}
		}
	}
	for _, id := range f.twice {
		r.fault(0, &id, "it is in the file twice")
	}
	for id := range f.entries {
		if _, ok := sealed[id]; !ok {
			r.fault(0, &id, "no seal of the file has it")
		}
	}
	w.end()
	return r, nil
}
