package export_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/control/export/archive"
)

// handmade is an archive of one table whose hashes are right.
func handmade(t *testing.T, table string, columns []string, lines ...string) []byte {
	t.Helper()
	body := strings.Join(lines, "\n") + "\n"
	sum := sha256.Sum256([]byte(body))
	none := sha256.Sum256(nil)
	m := archive.Manifest{Format: archive.Format, Schema: 1, Files: []archive.File{
		{Name: "data/" + table + ".jsonl", Columns: columns, Rows: int64(len(lines)), Bytes: int64(len(body)), SHA256: hex.EncodeToString(sum[:])},
		{Name: "members.jsonl", SHA256: hex.EncodeToString(none[:])},
	}}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	for _, e := range []struct{ name, body string }{{m.Files[0].Name, body}, {"members.jsonl", ""}, {"manifest.json", string(text)}} {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Size: int64(len(e.body)), Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
