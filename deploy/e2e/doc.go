// Package e2e holds the tests of the whole program: the binary as a user builds it, with everything embedded, through HTTP and
// back out of every view.
package e2e
