// Package migrations embeds the numbered SQL files that make the database. They only add: a release that removes
// something comes after one that no longer uses it.
package migrations

import "embed"

// Installation has what exists once: the schemas control, identity and runtime, and the functions of app.
//
//go:embed installation/*.sql
var Installation embed.FS

// Tenant has the tables of tenant data. They are applied to one schema at a time, by search_path: to pool, and to the
// own schema of each silo tenant.
//
//go:embed tenant/*.sql
var Tenant embed.FS
