#!/usr/bin/env bash
# Runs GoReleaser with what the binaries say of themselves, and with the commit's time for every file in the
# archives. GoReleaser could ask git itself, but without a remote or a tag it makes values up.
# Usage: hack/release.sh --snapshot --clean
#
# GORELEASER, CYCLONEDX   the programs goreleaser and cyclonedx-gomod (default: the pinned ones)
# VERSION, COMMIT, DATE   default: hack/version.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export VERSION=${VERSION:-$(hack/version.sh version)} COMMIT=${COMMIT:-$(hack/version.sh commit)} DATE=${DATE:-$(hack/version.sh date)}
EPOCH=$(hack/version.sh epoch)
export EPOCH
MTIME=$DATE
if [ "$MTIME" = unknown ]; then MTIME=1970-01-01T00:00:00Z; fi
export MTIME

CYCLONEDX=${CYCLONEDX:-$("${GO:-go}" tool -modfile=tools/supply/go.mod -n cyclonedx-gomod)}
export CYCLONEDX
goreleaser=${GORELEASER:-$("${GO:-go}" tool -modfile=tools/release/go.mod -n goreleaser)}
exec "$goreleaser" release "$@"
