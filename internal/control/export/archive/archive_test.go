package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// entry is one file of an archive that a test makes by hand.
type entry struct {
	name, body string
	kind       byte
}

func file(name, body string) entry { return entry{name: name, body: body, kind: tar.TypeReg} }

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// pack makes a tar.gz of entries, as they are.
func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.body)), Mode: 0o600, Typeflag: e.kind}
		if e.kind != tar.TypeReg {
			h.Size, h.Linkname = 0, "/etc/passwd"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.kind == tar.TypeReg {
			if _, err := w.Write([]byte(e.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// manifest is right for entries; change may spoil it.
func manifest(t testing.TB, change func(*archive.Manifest), entries ...entry) entry {
	t.Helper()
	m := archive.Manifest{Format: archive.Format, Program: "test", Schema: 1}
	for _, e := range entries {
		f := archive.File{Name: e.name, Bytes: int64(len(e.body)), SHA256: hashOf(e.body)}
		if strings.HasSuffix(e.name, ".jsonl") {
			f.Rows = int64(strings.Count(e.body, "\n"))
		}
		m.Files = append(m.Files, f)
	}
	if change != nil {
		change(&m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return file("manifest.json", string(text))
}

func good() []entry {
	return []entry{
		file("files/"+hashOf("content"), "content"),
		file("data/lab.jsonl", `{"id":1}`+"\n"+`{"id":2}`+"\n"),
		file("members.jsonl", `{"id":"00000000-0000-7000-8000-0000000000aa","email":"a@example.com","name":"A","role":"owner"}`+"\n"),
	}
}

// small are limits that tests can reach.
func small() archive.Limits {
	return archive.Limits{Bytes: 1 << 20, Entries: 8, Rows: 100, Line: 1000, File: 10_000, Members: 3}
}

func check(t testing.TB, packed []byte) (*archive.Checked, error) {
	t.Helper()
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	return archive.Check(bytes.NewReader(packed), dir, small())
}

func TestAGoodArchiveIsAccepted(t *testing.T) {
	t.Parallel()
	entries := good()
	c, err := check(t, pack(t, append(entries, manifest(t, nil, entries...))...))
	if err != nil {
		t.Fatal(err)
	}
	if c.Manifest.Rows() != 2 || len(c.Members) != 1 || c.Members[0].Email != "a@example.com" {
		t.Errorf("%+v", c)
	}
}

// malicious are archives that must be refused.
func malicious(t testing.TB) map[string][]byte {
	t.Helper()
	whole := func(entries ...entry) []byte { return pack(t, append(entries, manifest(t, nil, entries...))...) }
	spoiled := func(change func(*archive.Manifest)) []byte {
		entries := good()
		return pack(t, append(entries, manifest(t, change, entries...))...)
	}
	okay := pack(t, append(good(), manifest(t, nil, good()...))...)
	var double bytes.Buffer
	double.Write(okay)
	double.Write(pack(t, file("data/lab.jsonl", "more")))
	return map[string][]byte{
		"nothing":           {},
		"text":              []byte("hello"),
		"cut":               okay[:len(okay)-20],
		"flipped":           append(append(bytes.Clone(okay[:60]), okay[60]^0xff), okay[61:]...),
		"second stream":     double.Bytes(),
		"no manifest":       pack(t, good()...),
		"only a manifest":   pack(t, file("manifest.json", "{}")),
		"manifest in front": pack(t, append([]entry{manifest(t, nil, good()...)}, good()...)...),
		"up and away":       whole(file("data/../../etc/cron.jsonl", "{}\n")),
		"absolute":          whole(file("/etc/passwd", "x")),
		"backslash":         whole(file(`files\..\x`, "x")),
		"other name":        whole(file("readme.txt", "x")),
		"link":              whole(entry{name: "files/" + hashOf("x"), kind: tar.TypeSymlink}),
		"hard link":         whole(entry{name: "data/lab.jsonl", kind: tar.TypeLink}),
		"folder":            whole(entry{name: "data/", kind: tar.TypeDir}),
		"device":            whole(entry{name: "data/lab.jsonl", kind: tar.TypeChar}),
		"twice":             whole(file("data/lab.jsonl", "{}\n"), file("data/lab.jsonl", "{}\n")),
		"wrong file hash":   whole(file("files/"+hashOf("x"), "y")),
		"wrong hash":        spoiled(func(m *archive.Manifest) { m.Files[1].SHA256 = hashOf("other") }),
		"wrong rows":        spoiled(func(m *archive.Manifest) { m.Files[1].Rows++ }),
		"wrong bytes":       spoiled(func(m *archive.Manifest) { m.Files[1].Bytes++ }),
		"wrong order":       spoiled(func(m *archive.Manifest) { m.Files[0], m.Files[1] = m.Files[1], m.Files[0] }),
		"one too few":       spoiled(func(m *archive.Manifest) { m.Files = m.Files[1:] }),
		"one too many":      spoiled(func(m *archive.Manifest) { m.Files = append(m.Files, m.Files[0]) }),
		"no hash":           spoiled(func(m *archive.Manifest) { m.Files[0].SHA256 = "" }),
		"newer":             spoiled(func(m *archive.Manifest) { m.Format = archive.Format + 1 }),
		"no format":         spoiled(func(m *archive.Manifest) { m.Format = 0 }),
		"not JSON":          whole(file("data/lab.jsonl", "{\n")),
		"array":             whole(file("data/lab.jsonl", "[1]\n")),
		"field twice":       whole(file("data/lab.jsonl", `{"id":1,"id":2}`+"\n")),
		"two on a line":     whole(file("data/lab.jsonl", `{"id":1}{"id":2}`+"\n")),
		"no end of line":    whole(file("data/lab.jsonl", `{"id":1}`)),
		"deep":              whole(file("data/lab.jsonl", `{"id":`+strings.Repeat("[", 990)+"\n")),
		"no person":         whole(file("members.jsonl", `{"id":"x"}`+"\n")),
		"a secret":          whole(file("members.jsonl", `{"id":"00000000-0000-7000-8000-0000000000aa","email":"a@example.com","password":"x"}`+"\n")),
		"long line":         whole(file("data/lab.jsonl", `{"id":"`+strings.Repeat("x", 1000)+`"}`+"\n")),
		"many rows":         whole(file("data/lab.jsonl", strings.Repeat("{}\n", 101))),
		"many people":       whole(file("members.jsonl", strings.Repeat(`{"id":"00000000-0000-7000-8000-0000000000aa","email":"a@example.com"}`+"\n", 4))),
		"large file":        whole(file("files/"+hashOf(strings.Repeat("x", 10_001)), strings.Repeat("x", 10_001))),
		"many files": whole(file("data/a.jsonl", ""), file("data/b.jsonl", ""), file("data/c.jsonl", ""), file("data/d.jsonl", ""),
			file("data/e.jsonl", ""), file("data/f.jsonl", ""), file("data/g.jsonl", ""), file("data/h.jsonl", "")),
		"bomb": whole(file("data/lab.jsonl", strings.Repeat("{}\n", 99)+strings.Repeat(" ", 2<<20))),
	}
}

func TestBadArchivesAreRefused(t *testing.T) {
	t.Parallel()
	for name, packed := range malicious(t) {
		_, err := check(t, packed)
		var e *errs.Error
		if !errors.As(err, &e) || e.Kind != errs.KindInvalid && e.Kind != errs.KindTooLarge {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
		if name == "newer" && !errors.Is(err, archive.ErrNewer) {
			t.Errorf("newer: %v", err)
		}
	}
}

// A bomb is refused after the bytes that are allowed, however much it claims.
func TestABombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	if err := w.WriteHeader(&tar.Header{Name: "data/lab.jsonl", Size: 1 << 40, Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := check(t, out.Bytes()); !errors.Is(err, archive.ErrTooBig) {
		t.Errorf("%v, want too big", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// FuzzCheck looks for an archive that makes Check fail in another way than by a refusal. It gets what is packed, and packs
// it: a changed gzip stream would be damaged and no more.
func FuzzCheck(f *testing.F) {
	entries := good()
	seeds := malicious(f)
	seeds["good"] = pack(f, append(entries, manifest(f, nil, entries...))...)
	for _, packed := range seeds {
		if content := unpack(packed); len(content) < 32<<10 { // mutating megabytes finds nothing
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		c, err := check(t, packed.Bytes())
		if err == nil {
			if c.Manifest.Format != archive.Format {
				t.Errorf("accepted format %d", c.Manifest.Format)
			}
			return
		}
		var e *errs.Error
		if !errors.As(err, &e) {
			t.Errorf("%v is no refusal", err)
		}
	})
}

// unpack returns as much as can be unpacked.
func unpack(packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return packed
	}
	content, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return content[:len(content)/2]
	}
	return content
}
