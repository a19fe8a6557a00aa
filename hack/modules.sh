#!/usr/bin/env bash
# Prints the modules that are compiled into the released binaries on any platform, one a line: path, version, folder.
# Works offline once the modules are downloaded.
# Usage: hack/modules.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GO=${GO:-go}
export CGO_ENABLED=0
format='{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}'

{
  for os in linux darwin windows; do GOOS=$os "$GO" list -deps -f "$format" ./cmd/seldonctl; done
  for os in linux darwin; do (cd local && GOOS=$os "$GO" list -deps -f "$format" .); done
} | grep -v '^github.com/seldonctl/' | LC_ALL=C sort -u
