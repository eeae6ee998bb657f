package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// redacted stands in place of what may be a secret.
const redacted = "[redacted]"

// Bounds of what an entry keeps of one text, and of one list or object: an entry is no copy of the data. The longest text that
// it must have whole is a policy's: a deleted one is found nowhere else.
const (
	maxText = 8 << 10
	maxList = 100
)

// secretWords are words of names whose values are never written.
func secretWords() []string {
	return []string{"password", "secret", "token", "passphrase", "credential", "credentials", "seed", "private", "signature", "cookie", "authorization", "apikey", "otp", "pin"}
}

// harmlessWords, together with a secret word, name something about a secret and not the secret: when it ends, its id.
func harmlessWords() []string {
	return []string{"id", "at", "expires", "policy", "changed", "length", "min", "max", "life", "endpoint", "url", "reset", "count", "required", "prefix"}
}

// words takes a name apart: clientSecret, client_secret and Client-Secret alike.
func words(name string) (list []string) {
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			list = append(list, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	lower := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
		case unicode.IsUpper(r) && lower:
			flush()
			word.WriteRune(r)
		default:
			word.WriteRune(r)
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
	}
	flush()
	return list
}

// secretName tells whether a value of this name may be a secret. "key" alone is one as well, and so is "hash" of one.
func secretName(name string) bool {
	parts := words(name)
	has := func(list []string) bool {
		for _, p := range parts {
			for _, w := range list {
				if p == w || p == w+"s" {
					return true
				}
			}
		}
		return false
	}
	joined := strings.Join(parts, "")
	secret := has(secretWords()) || joined == "key" || joined == "code" || strings.HasSuffix(joined, "apikey") || strings.HasSuffix(joined, "recoverycodes")
	return secret && !has(harmlessWords())
}

// document turns a value into a JSON object without secrets and of bounded size; nil for nil.
func document(value any) (map[string]any, error) {
	if value == nil || reflect.ValueOf(value).Kind() == reflect.Map && reflect.ValueOf(value).IsNil() {
		return nil, nil //nolint:nilnil // there is none
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("want a value that becomes JSON: %w", err)
	}
	if bytes.Equal(encoded, []byte("null")) {
		return nil, nil //nolint:nilnil // there is none
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("want a JSON object: %w", err)
	}
	clean(object)
	return object, nil
}

// clean hides what may be a secret and bounds texts and lists, at every depth.
func clean(object map[string]any) {
	if more := len(object) - maxList; more > 0 {
		names := slices.Sorted(maps.Keys(object))
		for _, name := range names[maxList:] {
			delete(object, name)
		}
		object["..."] = fmt.Sprintf("and %d more", more)
	}
	for name, value := range object {
		if secretName(name) && value != nil && value != "" && !isBool(value) {
			object[name] = redacted
			continue
		}
		object[name] = bounded(value)
	}
}

func isBool(value any) bool {
	_, ok := value.(bool)
	return ok
}

func bounded(value any) any {
	switch v := value.(type) {
	case map[string]any:
		clean(v)
	case []any:
		if len(v) > maxList {
			v = append(v[:maxList:maxList], fmt.Sprintf("... and %d more", len(v)-maxList))
		}
		for n := range v {
			v[n] = bounded(v[n])
		}
		return v
	case string:
		// PostgreSQL's JSON has no zero character.
		v = strings.ReplaceAll(v, "\x00", "\uFFFD")
		if len(v) > maxText {
			return strings.ToValidUTF8(v[:maxText], "") + "..."
		}
		return v
	}
	return value
}

// difference is what differs between two values: the members of before and of after that the other does not have alike. A
// secret that was exchanged for another is there on both sides, hidden.
func difference(before, after any) (was, is map[string]any, err error) {
	raw := [2]map[string]json.RawMessage{}
	kept := [2]map[string]any{}
	for n, value := range []any{before, after} {
		if kept[n], err = document(value); err != nil {
			return nil, nil, err
		}
		if kept[n] == nil {
			continue
		}
		encoded, err := json.Marshal(value)
		if err == nil {
			err = json.Unmarshal(encoded, &raw[n])
		}
		if err != nil {
			return nil, nil, fmt.Errorf("want a JSON object: %w", err)
		}
	}
	was, is = kept[0], kept[1]
	if was == nil || is == nil {
		return was, is, nil
	}
	for name, old := range raw[0] {
		if now, both := raw[1][name]; both && bytes.Equal(old, now) {
			delete(was, name)
			delete(is, name)
		}
	}
	return was, is, nil
}
