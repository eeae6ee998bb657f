package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Bounds of a JSON text.
const (
	maxDepth  = 64
	fewFields = 16 // of an object, whose names are compared one by one
)

// The mistakes of a JSON text that decoders pass over or choke on.
var (
	errJSONText  = errors.New("the text is not UTF-8")
	errJSONForm  = errors.New("the text is not JSON")
	errJSONDepth = fmt.Errorf("objects and lists are nested deeper than %d", maxDepth)
	errJSONNull  = errors.New(`a text holds the character \u0000, which cannot be stored`)
)

// CheckJSON refuses what means one thing to one reader and another to the next, or costs much to find out: a name that an
// object has twice, nesting without end, text that is not UTF-8 and the character 0. It looks at every byte once and keeps
// nothing; whether the text is JSON otherwise is for the decoder.
func CheckJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errJSONText
	}
	c := checker{text: text}
	return c.run()
}

// checker walks over a JSON text.
type checker struct {
	text  []byte
	at    int
	open  []level
	names [][]byte // of all open objects, the innermost at the end
}

// level is one object or list that is open.
type level struct {
	object bool
	name   bool                // the next string is a name
	first  int                 // where its names begin in names
	many   map[string]struct{} // once there are more than a few
}

func (c *checker) run() error {
	for ; c.at < len(c.text); c.at++ {
		switch c.text[c.at] {
		case '{', '[':
			if len(c.open) == maxDepth {
				return errJSONDepth
			}
			object := c.text[c.at] == '{'
			c.open = append(c.open, level{object: object, name: object, first: len(c.names)})
		case '}', ']':
			if len(c.open) == 0 {
				return errJSONForm
			}
			c.names = c.names[:c.open[len(c.open)-1].first]
			c.open = c.open[:len(c.open)-1]
		case ',':
			if n := len(c.open); n > 0 {
				c.open[n-1].name = c.open[n-1].object
			}
		case '"':
			if err := c.text1(); err != nil {
				return err
			}
		}
	}
	return nil
}

// text1 passes over one string, and remembers it when it is a name.
func (c *checker) text1() error {
	begin, escaped := c.at+1, false
	for c.at++; c.at < len(c.text) && c.text[c.at] != '"'; c.at++ {
		if c.text[c.at] != '\\' {
			continue
		}
		escaped = true
		if bytes.HasPrefix(c.text[c.at:], []byte(`\u0000`)) {
			return errJSONNull
		}
		c.at++ // what follows is a part of it, a quotation mark too
	}
	if c.at >= len(c.text) {
		return errJSONForm
	}
	n := len(c.open)
	if n == 0 || !c.open[n-1].name {
		return nil
	}
	c.open[n-1].name = false
	return c.add(&c.open[n-1], c.text[begin:c.at], escaped)
}

func (c *checker) add(in *level, name []byte, escaped bool) error {
	if escaped {
		var plain string
		if err := json.Unmarshal([]byte(`"`+string(name)+`"`), &plain); err != nil {
			return errJSONForm
		}
		name = []byte(plain)
	}
	if in.many == nil && len(c.names)-in.first < fewFields {
		for _, known := range c.names[in.first:] {
			if bytes.Equal(known, name) {
				return twice(name)
			}
		}
		c.names = append(c.names, name)
		return nil
	}
	if in.many == nil {
		in.many = make(map[string]struct{}, 4*fewFields)
		for _, known := range c.names[in.first:] {
			in.many[string(known)] = struct{}{}
		}
	}
	if _, known := in.many[string(name)]; known {
		return twice(name)
	}
	in.many[string(name)] = struct{}{}
	return nil
}

func twice(name []byte) error {
	const most = 40
	return fmt.Errorf("an object has the name %.*q twice", most, name)
}
