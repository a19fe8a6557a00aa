// Package archtest holds the tests that keep the house in shape: which room may import which, what
// no room may do, and how large a file or function may grow. It reads source files only; it contains
// no code for any other package.
package archtest
