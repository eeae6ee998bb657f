package apikey

import (
	"crypto/rand"
	"hash/crc32"
	"regexp"
	"strings"

	"github.com/cloudkida/cloudkida/internal/platform/gateway"
)

// A key's text is Prefix, 8 characters that find its row, "_", 32 random characters and 6 of a checksum. Whoever looks for
// keys that leaked, such as a scanner of repositories, knows one by Pattern and is sure of it by the checksum, offline:
// CRC-32 (IEEE) of everything before, in base 62 with its digits in the order of base62. docs/api-keys.md says it to them.
const (
	Prefix  = gateway.KeyPrefix
	Pattern = Prefix + `[0-9a-z]{8}_[0-9A-Za-z]{38}`

	publicLength = 8  // 41 bits: found by a unique index, worth nothing by itself
	secretLength = 32 // 190 bits
	sumLength    = 6
	keyLength    = len(Prefix) + publicLength + 1 + secretLength + sumLength
)

const (
	base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

var pattern = regexp.MustCompile(`^` + Pattern + `$`)

// Parse returns the part of a key's text that finds its row; ok is false for what no key can be. It is cheap, so that
// nonsense costs no look-up.
func Parse(text string) (public string, ok bool) {
	if len(text) != keyLength || !pattern.MatchString(text) {
		return "", false
	}
	body, sum := text[:keyLength-sumLength], text[keyLength-sumLength:]
	if checksum(body) != sum {
		return "", false
	}
	return text[len(Prefix) : len(Prefix)+publicLength], true
}

// newText makes a key with a public part, or a new one where it is "".
func newText(public string) (text, of string) {
	if public == "" {
		public = random(base36, publicLength)
	}
	text = Prefix + public + "_" + random(base62, secretLength)
	return text + checksum(text), public
}

// random returns characters of an alphabet, each as likely as any other.
func random(alphabet string, n int) string {
	var out strings.Builder
	whole := 256 - 256%len(alphabet) // what is above would favour the first ones
	for buffer := make([]byte, 2*n); out.Len() < n; {
		_, _ = rand.Read(buffer) // it never fails: see crypto/rand
		for _, b := range buffer {
			if int(b) < whole && out.Len() < n {
				out.WriteByte(alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return out.String()
}

func checksum(text string) string {
	var digits [sumLength]byte
	sum := crc32.ChecksumIEEE([]byte(text))
	for i := sumLength - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return string(digits[:])
}
