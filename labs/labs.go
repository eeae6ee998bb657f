// Package labs holds the sample labs that come with the program: one directory each, in the native format.
package labs

import "embed"

// FS has each lab's directory at its root, under the lab's slug. Modes are lost by embedding: no lab may need one of a file's.
//
//go:embed all:disk-detective all:git-inside all:linux-permissions all:processes-and-signals
//go:embed all:python-http all:shell-scripting all:sqlite-queries all:text-pipelines
var FS embed.FS
