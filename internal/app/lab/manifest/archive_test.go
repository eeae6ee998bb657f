package manifest_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"testing"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
)

func TestPackAndUnpack(t *testing.T) {
	t.Parallel()
	tree, problems := manifest.ReadTree(os.DirFS("testdata/everything"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	archive, err := tree.Pack()
	if err != nil {
		t.Fatal(err)
	}
	back, err := manifest.Unpack(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != tree.Hash() || !back["files/bin/tool"].Executable || back["files/motd"].Executable {
		t.Errorf("another tree came back: %v", back.Paths())
	}
}

// TestUnpackTakesWhatTarMakes unpacks entries as tar writes them for `tar czf lab.tar.gz -C DIR .`.
func TestUnpackTakesWhatTarMakes(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, h := range []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./steps/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./steps/01.md", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "./run.sh", Typeflag: tar.TypeReg, Mode: 0o700, Uid: 1000, Uname: "me"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	tree, err := manifest.Unpack(&buf)
	if err != nil || len(tree) != 2 || !tree["run.sh"].Executable || tree["steps/01.md"].Executable {
		t.Errorf("%v, %v", tree, err)
	}
}

// FuzzUnpack holds Unpack to its bounds for whatever is uploaded.
func FuzzUnpack(f *testing.F) {
	tree, _ := manifest.ReadTree(os.DirFS("testdata/needs"))
	archive, err := tree.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(archive)
	f.Add(archive[:len(archive)/2])
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := manifest.Unpack(bytes.NewReader(data))
		if err != nil && !errors.Is(err, manifest.ErrArchive) {
			t.Errorf("an error of another kind: %v", err)
		}
		size := 0
		for name, e := range tree {
			size += len(e.Data)
			if name == "" || name[0] == '/' {
				t.Errorf("path %q", name)
			}
		}
		if len(tree) > manifest.MaxFiles || size > manifest.MaxBytes {
			t.Errorf("%d files, %d bytes", len(tree), size)
		}
	})
}

// FuzzParse looks that no manifest and no text makes the parser panic, and that problems have places.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"everything", "mistakes", "types", "texts", "needs"} {
		tree, _ := manifest.ReadTree(os.DirFS("testdata/" + name))
		for _, text := range []string{"steps/01.md", "steps/open.md", "steps/blocks.md", "steps/references.md"} {
			f.Add(string(tree["lab.yaml"].Data), string(tree[text].Data))
		}
	}
	f.Fuzz(func(t *testing.T, yaml, markdown string) {
		lab, problems := manifest.Parse(manifest.Tree{
			"lab.yaml": {Data: []byte(yaml)}, "steps/01.md": {Data: []byte(markdown)}, "scripts/check.sh": {Data: []byte("true")},
		})
		if lab == nil || len(lab.Locales) == 0 {
			t.Fatal("no lab")
		}
		for _, p := range problems {
			if p.Message == "" || p.Line < 0 || p.Column < 0 {
				t.Errorf("problem %+v", p)
			}
		}
	})
}
