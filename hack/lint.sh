#!/usr/bin/env bash
# Runs the pinned golangci-lint over one module of this repository.
# Usage: hack/lint.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

linter=$("${GO:-go}" tool -modfile=tools/go.mod -n golangci-lint)
cd "${1:?usage: hack/lint.sh FOLDER}"
# The module local/ stands on all of Kubernetes, which is a lot to hold in memory: collect garbage earlier.
export GOMEMLIMIT=${GOMEMLIMIT:-6GiB}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
lint() { "$linter" run --allow-parallel-runners --config="$root/.golangci.yml" 2>&1 | tee "$log"; }

if lint; then exit 0; fi
# After an interrupted or failed run its cache can lack packages; it then says this of a package that is fine.
if grep -q 'returned nil but no error' "$log"; then
  echo "golangci-lint's cache is incomplete; once more without it" >&2
  "$linter" cache clean
  lint
  exit
fi
exit 1
