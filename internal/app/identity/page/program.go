package page

import (
	"html/template"
	"net/url"
	"regexp"
)

// The pages on which people let programs in.
const (
	Device        Name = "device"
	DeviceConfirm Name = "device-confirm"
	DeviceDone    Name = "device-done"
	Consent       Name = "consent"
)

// Program is a program that asks to be let in.
type Program struct {
	Name    string
	Code    string   // of its device, as it is shown
	From    string   // network address of the device
	AskedAt string   // in words
	Home    string   // origin of where people are sent back to
	Scopes  []string // what it learns, in words
	Tenants []Choice // organisations that it may be let into; one of them is chosen
	Denied  bool
}

// Door leads into one organisation.
type Door struct {
	Title, Role string
	Query       template.URL // the authorization request for it
}

// RoleKey is the key of what the person is there.
func (d Door) RoleKey() string { return "role." + d.Role }

// Choice is one organisation to choose.
type Choice struct{ ID, Title string }

// origin is what may stand in a header. Redirect addresses are checked when they are registered; this is the second look.
var origin = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?$`)

// leadsTo is the origin of the program that a page's forms lead to in the end, or "".
func (d Data) leadsTo() string {
	query, err := url.ParseQuery(string(d.Query))
	if err != nil {
		return ""
	}
	u, err := url.Parse(query.Get("redirect_uri"))
	if err != nil {
		return ""
	}
	if o := u.Scheme + "://" + u.Host; origin.MatchString(o) {
		return o
	}
	return ""
}

// Learns says what scopes tell a program, in words.
func Learns(scopes []string) []string {
	words := map[string]string{
		"openid": "That it is you: an id of your account", "profile": "Your name", "email": "Your e-mail address",
		"offline_access": "All of this also later, while you are away",
	}
	list := make([]string, len(scopes))
	for i, scope := range scopes {
		list[i] = words[scope]
	}
	return list
}
