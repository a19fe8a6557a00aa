// Package action holds the tests of action.yml, the GitHub Action of this repository: that it is what
// GitHub takes, and that its scripts do what they should. It never talks to GitHub.
package action
