package page

import (
	"html/template"
	"time"
)

// Steps is what the pages about the step after the password show.
type Steps struct {
	Use        string   // the way that the page asks for: passkey, code, email, recovery
	Ways       []string // the others
	Sent       bool     // a code was sent by mail
	Items      []Item   // factors or devices
	Codes      []string // recovery codes, shown once
	First      bool     // the first that the person gets
	Left       int      // recovery codes that are not used yet
	Secret     string   // of an authenticator app, to be typed
	QR         template.URL
	Next       template.URL // where to go on
	Off        bool         // switched off for the pool
	Required   bool         // the person must have one
	Within     bool         // signing in waits for it
	CanPasskey bool
	CanEmail   bool
}

// Item is a factor or a device.
type Item struct {
	ID      string
	Name    string
	Kind    string // of a factor; a device's address
	Added   time.Time
	Used    time.Time // zero: never
	Current bool
}
