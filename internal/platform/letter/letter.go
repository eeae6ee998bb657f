// Package letter is how the program writes letters: one frame, one set of texts in every language, and one way to fill in
// what differs from reader to reader. What an organisation has written itself goes the same way as the texts of the
// program, so that neither can do what the other cannot.
package letter

import (
	"slices"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/brand"
)

// Draft is a letter before it is put into words.
type Draft struct {
	Kind   string            // one of Kinds
	Tenant uuid.UUID         // whose letter it is; zero: the installation's own
	To     string            // one address, without a name
	About  uuid.UUID         // what it is about, such as an invitation; zero: nothing that has an id
	Values map[string]string // of the kind's variables, one line each
	// Locales is what is known of the languages of the reader, the most wanted first: tags, or lists as in Accept-Language.
	Locales []string
}

// Author says who may write a kind of letter in their own words.
type Author string

// The authors.
const (
	Program      Author = "program"       // nobody
	Organisation Author = "organisation"  // every organisation
	PoolOwner    Author = "own-user-pool" // organisations with a user pool of their own: others share these letters
)

// Kind is a kind of letter.
type Kind struct {
	Name      string
	Author    Author
	Variables []Variable
	// Keep says that the letter lets nobody in: its text may be read after it was delivered.
	Keep bool
}

// Variable is something in a letter that differs from reader to reader.
type Variable struct {
	Name     string
	Sample   string // for previews
	Secret   bool   // lets its holder in: it never stands in a subject, which lists show
	Required bool   // the letter is worth nothing without it
	Link     bool   // an address
}

// Variables that every letter has.
const (
	tenantName = "tenant"
	accent     = "accent"
	accentText = "accentText"
)

// common are the variables of every kind.
func common() []Variable {
	return []Variable{
		{Name: tenantName, Sample: "Example School"},
		{Name: accent, Sample: brand.DefaultPrimary.String()},
		{Name: accentText, Sample: "#ffffff"},
	}
}

const (
	sampleLink = "https://labs.example.com/sample#token=sample"
	sampleCode = "314159"
)

func door() Variable {
	return Variable{Name: "link", Sample: sampleLink, Secret: true, Required: true, Link: true}
}

func way() Variable {
	return Variable{Name: "link", Sample: "https://labs.example.com/", Required: true, Link: true}
}

func code(required bool) Variable {
	return Variable{Name: "code", Sample: sampleCode, Secret: true, Required: required}
}

// Kinds are all kinds of letters.
func Kinds() []Kind {
	kinds := []Kind{
		{Name: "invitation", Author: Organisation, Variables: []Variable{door()}},
		{Name: "invitation.owner", Author: Program, Variables: []Variable{door()}},
		{Name: "identity.sign-up", Author: PoolOwner, Variables: []Variable{door(), code(false)}},
		{Name: "identity.exists", Author: PoolOwner, Variables: []Variable{way()}, Keep: true},
		{Name: "identity.forgot", Author: PoolOwner, Variables: []Variable{door()}},
		{Name: "identity.nobody", Author: PoolOwner, Variables: []Variable{way()}, Keep: true},
		{Name: "identity.changed", Author: PoolOwner, Variables: []Variable{way()}, Keep: true},
		{Name: "identity.address", Author: PoolOwner, Variables: []Variable{door(), code(true)}},
		{Name: "identity.address-exists", Author: PoolOwner, Variables: []Variable{way()}, Keep: true},
		{Name: "identity.address-asked", Author: PoolOwner, Variables: []Variable{door()}},
		{Name: "identity.address-asked-note", Author: PoolOwner, Keep: true},
		{Name: "identity.address-changed", Author: PoolOwner, Variables: []Variable{door()}},
		{Name: "identity.address-changed-note", Author: PoolOwner, Keep: true},
		{Name: "identity.code", Author: PoolOwner, Variables: []Variable{code(true)}},
		{Name: "registration.confirm", Author: Program, Variables: []Variable{door(), {Name: "name", Sample: "example-school"}}},
		{Name: "registration.welcome", Author: Program, Variables: []Variable{way()}, Keep: true},
	}
	for n := range kinds {
		kinds[n].Variables = append(kinds[n].Variables, common()...)
	}
	return kinds
}

// KindNamed finds a kind.
func KindNamed(name string) (Kind, bool) {
	kinds := Kinds()
	n := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if n < 0 {
		return Kind{}, false
	}
	return kinds[n], true
}

func (k Kind) variable(name string) (Variable, bool) {
	n := slices.IndexFunc(k.Variables, func(v Variable) bool { return v.Name == name })
	if n < 0 {
		return Variable{}, false
	}
	return k.Variables[n], true
}

// Samples are values of every variable of a kind.
func (k Kind) Samples() map[string]string {
	samples := make(map[string]string, len(k.Variables))
	for _, v := range k.Variables {
		samples[v.Name] = v.Sample
	}
	return samples
}
