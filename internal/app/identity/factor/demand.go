package factor

import (
	"context"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

// Policy says who of a pool needs a second step.
type Policy struct {
	Mode  Mode     `json:"mode" enum:"off,optional,required,required_for" doc:"off: nobody is asked; optional: those who have set one up; required: everybody; required_for: those with one of the roles, the others as optional"`
	Roles []string `json:"roles" nullable:"false" maxItems:"6" enum:"owner,admin,author,instructor,learner,operator" doc:"For required_for; a role in any organisation of this sign-in, or operator of the installation"`
}

// Mode is the first half of a Policy.
type Mode string

// The modes.
const (
	Off         Mode = "off"
	Optional    Mode = "optional"
	Required    Mode = "required"
	RequiredFor Mode = "required_for"
)

// Need is what a person has to do after the password.
type Need int

// The needs.
const (
	Nothing   Need = iota
	Challenge      // prove a factor
	Enrol          // set one up first
)

// demand is what a pool asks of a user, and what the user has.
type demand struct {
	off      bool
	required bool
	has      bool
}

// Need tells what somebody has to do after the password. wanted is what a client asks for beyond the pool's policy.
func (s *Service) Need(ctx context.Context, pool access.Pool, user uuid.UUID, wanted bool) (Need, error) {
	d, err := readDemand(ctx, s.DB, pool.ID, user)
	switch {
	case err != nil || d.off:
		return Nothing, err
	case d.has:
		return Challenge, nil
	case d.required || wanted:
		return Enrol, nil
	}
	return Nothing, nil
}
