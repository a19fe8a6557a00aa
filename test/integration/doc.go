// Package integration holds the tests of the whole program against the embedded cluster: the built
// seldonctl, a real API server, and beside them a witness that reads the API server on its own.
//
// Its tests carry the build tag "integration" and take the embedded cluster's program from the variable
// SELDONCTL_LOCAL (make test-integration sets both). They must never import the rooms that decide, judge,
// journal and engine: what those say is what is tested here.
package integration
