package policy

const maxPolicies = 50
