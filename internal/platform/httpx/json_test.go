package httpx_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

func TestJSONThatMeansTwoThingsIsRefused(t *testing.T) {
	t.Parallel()
	many := strings.Builder{}
	for i := range 100 {
		fmt.Fprintf(&many, `"k%d":%d,`, i, i)
	}
	for text, good := range map[string]bool{
		`{}`:                                              true,
		`{"a":1,"b":{"a":2},"c":["a"]}`:                   true,
		`{"a":"a","b":"a"}`:                               true,
		`[{"a":1},{"a":2}]`:                               true,
		`{"a":"\"a\":1,"}`:                                true,
		`{"a":1,"a":2}`:                                   false,
		`{"a":1,"\u0061":2}`:                              false,
		`{"a":{"b":1,"c":2,"b":3}}`:                       false,
		`{"a":[],"b":{},"a":0}`:                           false,
		"{" + many.String() + `"z":0}`:                    true,
		"{" + many.String() + `"k7":0}`:                   false,
		"{" + many.String() + `"k99":0}`:                  false,
		`{"a":"\u0000"}`:                                  false,
		"{\"a\":\"\xff\"}":                                false,
		strings.Repeat("[", 64) + strings.Repeat("]", 64): true,
		strings.Repeat("[", 65) + strings.Repeat("]", 65): false,
		strings.Repeat(`{"a":`, 1_000):                    false,
		`{"a`:                                             false,
		`{"a\`:                                            false,
		`]`:                                               false,
	} {
		if err := httpx.CheckJSON([]byte(text)); (err == nil) != good {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

// FuzzCheckJSON: whatever Go's decoder takes and the check lets pass has no name twice, as decoding and encoding shows.
func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[{"a":2}]}`, `{"a":1,"a":2}`, `{"\u0061":1,"a":2}`, `"\\"`, `[[[[]]]]`, "{\"\xff\":1}", `{"a":"\u0000"}`, `{"a`, `{"a\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := httpx.CheckJSON(text)
		var value any
		if json.Unmarshal(text, &value) != nil || err != nil {
			return
		}
		if n := names(value); n != colons(text) {
			t.Errorf("%q has %d names and was decoded to %d", text, colons(text), n)
		}
	})
}

// names counts the names in a decoded value.
func names(value any) (n int) {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			n += 1 + names(inner)
		}
	case []any:
		for _, inner := range v {
			n += names(inner)
		}
	}
	return n
}

// colons counts the names in a text that is JSON.
func colons(text []byte) (n int) {
	within, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case within && c == '\\':
			escaped = true
		case c == '"':
			within = !within
		case c == ':' && !within:
			n++
		}
	}
	return n
}

func BenchmarkCheckJSON(b *testing.B) {
	text := []byte(`{"name":"Linux for beginners","note":"Every Monday, in the room on the second floor","parent":null,"maxSessions":12,"tags":["linux","shell","intro"],"until":"2026-12-24T10:00:00Z"}`)
	b.Run("check", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if err := httpx.CheckJSON(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
