package policy

import (
	"fmt"
	"time"
	_ "time/tzdata" // a machine may have no time zones

	"github.com/cedar-policy/cedar-go"
)

// zoned are statements whose times are of a time zone.
type zoned struct {
	at   *time.Location
	list []named
}

// zoneAnnotation names the time zone of a statement: @zone("Asia/Kolkata").
const zoneAnnotation = "zone"

// zoneOf is the time zone that a statement names; nil is UTC. It is not ok where there is no such zone.
func zoneOf(p *cedar.Policy) (at *time.Location, ok bool) {
	name, named := p.Annotations()[zoneAnnotation]
	if !named {
		return nil, true
	}
	if name == "" || name == "Local" { // which Go reads as UTC and as that of the server's machine
		return nil, false
	}
	at, err := time.LoadLocation(string(name))
	return at, err == nil
}

// annotations looks at what stands before a statement: the zone is all that means something, and a word that means nothing is a
// mistake, such as a misspelt zone whose times would be taken for UTC.
func (c *checker) annotations(p *cedar.Policy) {
	for name, value := range p.Annotations() {
		if name != zoneAnnotation {
			c.problem("@"+string(name), fmt.Sprintf("@%s means nothing here. @zone names the time zone of a statement.", name))
		} else if _, ok := zoneOf(p); !ok {
			c.problem(string(value), "There is no such time zone. Write one such as Asia/Kolkata or Europe/Berlin.")
		}
	}
}
