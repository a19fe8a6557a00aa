#!/usr/bin/env bash
# Builds the snapshot of the current commit twice, in two different folders, and compares every archive.
# With --cold the second build starts from an empty build cache, which is the stricter test and takes
# much longer (half an hour on 2 cores: four platforms of the embedded cluster).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GO=${GO:-go}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The tools are found here once: the two builds must not depend on where they come from.
GORELEASER=$("$GO" tool -modfile=tools/release/go.mod -n goreleaser)
CYCLONEDX=$("$GO" tool -modfile=tools/supply/go.mod -n cyclonedx-gomod)
export GORELEASER CYCLONEDX
unset VERSION COMMIT DATE

for copy in one/repository two/somewhere/else; do
  git clone --quiet --no-hardlinks . "$work/$copy"
  if [ "${1:-}" = --cold ] && [ "$copy" != one/repository ]; then
    export GOCACHE=$work/gocache
  fi
  echo "Building in $work/$copy …"
  (cd "$work/$copy" && hack/release.sh --snapshot --clean >"$work/log" 2>&1) || {
    tail -n 40 "$work/log" >&2
    exit 1
  }
done

if diff "$work/one/repository/dist/checksums.txt" "$work/two/somewhere/else/dist/checksums.txt"; then
  echo "Identical:"
  cat "$work/one/repository/dist/checksums.txt"
else
  echo "The two builds of one commit differ." >&2
  exit 1
fi
