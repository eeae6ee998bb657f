package apikey_test

import (
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
)

// example is a key as docs/api-keys.md shows it; it was never anybody's.
const example = "ck_3f9a2c7e_0123456789ABCDEFGHIJKLMNOPQRSTUV3aRLia"

// scannerSum is the checksum as docs/api-keys.md tells scanners to compute it, by other means than the package has.
func scannerSum(body string) string {
	text := new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(body)))).Text(62) // 0-9 a-z A-Z
	text = strings.Map(func(r rune) rune {                                            // the letters the other way round
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, text)
	return strings.Repeat("0", 6-len(text)) + text
}

func TestAScannerKnowsAKeyByItsForm(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, text := w.add(w.owner, "lab.read")
	pattern := regexp.MustCompile(`\b` + apikey.Pattern + `\b`)
	if found := pattern.FindString("export KEY=" + text + "\n"); found != text {
		t.Fatalf("a scanner finds %q of %q", found, text)
	}
	for _, key := range []string{text, example} {
		if sum := scannerSum(key[:len(key)-6]); sum != key[len(key)-6:] {
			t.Errorf("%s: a scanner computes the checksum %s", key, sum)
		}
		if public, ok := apikey.Parse(key); !ok || public != key[3:11] {
			t.Errorf("%s: %q %v", key, public, ok)
		}
	}
}

func TestNoOtherTextIsAKey(t *testing.T) {
	t.Parallel()
	for i := range example {
		other := byte('A')
		if example[i] == other {
			other = 'B'
		}
		changed := example[:i] + string(other) + example[i+1:]
		if _, ok := apikey.Parse(changed); ok {
			t.Errorf("%s is taken for a key", changed)
		}
	}
	for _, text := range []string{"", "ck_", example[1:], example + "0", example + "\n", " " + example, strings.ToUpper(example), strings.Repeat("ck_", 2000)} {
		if _, ok := apikey.Parse(text); ok {
			t.Errorf("%q is taken for a key", text)
		}
	}
}

// FuzzParse holds that whatever is accepted is what a scanner accepts, and nothing else.
func FuzzParse(f *testing.F) {
	pattern := regexp.MustCompile(`^` + apikey.Pattern + `$`)
	f.Add(example)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		public, ok := apikey.Parse(text)
		want := pattern.MatchString(text) && !strings.Contains(text, "\n") && scannerSum(text[:len(text)-6]) == text[len(text)-6:]
		if ok != want || ok && !strings.HasPrefix(text, apikey.Prefix+public+"_") || !ok && public != "" {
			t.Errorf("%q: %q %v, a scanner says %v", text, public, ok, want)
		}
	})
}
