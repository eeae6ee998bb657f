package tenancy

// Resource is something that a permission can be for: a row of a tenant, or the tenant as a whole.
type Resource interface {
	Resource() Entity
}

// Entity is what a tenant's policies see of a resource; docs/policies.md lists the kinds with their attributes.
type Entity struct {
	Kind string // of the policies' schema, such as "Lab"
	ID   string
	// Attributes are strings, booleans, ints, lists of strings, or the uuid.UUID of a user.
	Attributes map[string]any
}

// KindTenant is the kind of the tenant as a whole.
const KindTenant = "Tenant"

// Whole is the tenant of the scope as a whole: what is asked for where no single row is meant, such as for a list.
type Whole struct{}

// Resource implements Resource.
func (Whole) Resource() Entity { return Entity{Kind: KindTenant} }
