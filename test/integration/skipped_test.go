//go:build !integration

package integration

import "testing"

func TestIntegration(t *testing.T) {
	t.Skip("the integration tests need the build tag integration and an embedded cluster: make test-integration")
}
