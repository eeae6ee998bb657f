// Package fault holds the mistakes that the attack suite must find. Each name stands at the one place where the mistake
// would be made. In the program it is the constant false, so that the compiler leaves nothing of it; tests that are built
// with -tags plantedfaults switch one on at a time. See docs/security-tests.md.
package fault

// Name is one mistake.
type Name string

// The mistakes.
const (
	NoPermission         Name = "a route asks for no permission"
	TenantFromHeader     Name = "the tenant comes from a header"
	OwnerIsOperator      Name = "an owner is taken for an operator"
	MemberOfAnyTenant    Name = "memberships are remembered without their tenant"
	SuspendedTenant      Name = "a suspended tenant goes on"
	AnySignature         Name = "a token's signature is not checked"
	AnyAudience          Name = "a token's audience is not checked"
	AnyExpiry            Name = "a token's expiry is not checked"
	AnyType              Name = "an id token is taken for an access token"
	AnyIssuer            Name = "a token of another user pool is accepted"
	EndedSignIn          Name = "a token outlives its sign-in"
	KeyAfterRevocation   Name = "an API key is accepted after its revocation"
	KeyOfAnyScope        Name = "an API key's scopes are ignored"
	KeyOfAnyTenant       Name = "API keys are found without their tenant"
	UserinfoOfAnyPool    Name = "a user pool answers another one's tokens"
	AnyOrigin            Name = "any page may open a terminal"
	TicketAgain          Name = "a ticket is good again and again"
	TicketForAny         Name = "a ticket is not bound to its session"
	TicketForever        Name = "a ticket does not expire"
	VisitForever         Name = "a lab's cookie does not expire"
	VisitAnywhere        Name = "a lab's cookie is good for every lab"
	PlaceOfAnother       Name = "a tenant is looked for where another one is"
	ExportOfAnyTenant    Name = "an export is found without its tenant"
	LabOfAnyTenant       Name = "opened labs are remembered without their tenant"
	SessionOfAnybody     Name = "a session is everybody's"
	EventsOfAnybody      Name = "events are sent before the right to them is checked"
	LimitWithoutTenant   Name = "requests are limited without their tenant"
	LimitByToken         Name = "requests are limited by token instead of by person"
	QuotaNotCounted      Name = "requests of programs are not counted"
	AllowAnything        Name = "nothing is decided on resources"
	PolicyOfAnyTenant    Name = "policies are remembered without their tenant"
	ExportTellsExistence Name = "another tenant's export is refused differently from none"
	KeyRevokedAnywhere   Name = "an API key is revoked without its tenant"
	MemberOfAnotherOne   Name = "a member is changed without their tenant"
	PersonOfAnyTenant    Name = "an owner may disable people of any tenant"
	FactorOfAnybody      Name = "a factor is removed without its person"
	GroupTakesAnybody    Name = "a group takes people of any tenant"
	JobOfItsArguments    Name = "a job runs for the tenant that its arguments name"
	AnybodyIsKnown       Name = "an organisation is told the name of anybody whose id is in its rows"
	RenameOfAll          Name = "an update has lost the id of its row"
	RemovalOfAll         Name = "a deletion has lost the id of its row"
)

// Else is right, or what is wrong in its place where the mistake is made.
func Else[T any](n Name, right, wrong T) T {
	if On(n) {
		return wrong
	}
	return right
}
