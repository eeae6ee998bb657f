// Package arch has no code of its own. Its tests hold what keeps the tree readable: which package may import which,
// how long functions, files and packages get, what folders are called, and that every package says what it is for.
package arch
