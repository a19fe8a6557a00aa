#!/usr/bin/env bash
# Prints what a binary says of itself: the version, commit or date. Only facts of the commit, never of
# the machine or the hour, so that one commit always gives the same binary. Without git: nothing is known.
# Usage: hack/version.sh version|commit|date|epoch (epoch is the date in seconds, 0 where it is not known)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Only this repository's own git counts, not one that it happens to lie in.
in_git() { [ -e .git ] && git rev-parse --verify --quiet HEAD >/dev/null 2>&1; }

case "${1:-}" in
version)
  if in_git && tag=$(git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null); then
    echo "${tag#v}"
  elif in_git; then
    # No release yet.
    echo "0.0.0-dev"
  else
    echo "dev"
  fi
  ;;
commit)
  if in_git; then
    dirty=$(git status --porcelain --untracked-files=no | head -n 1)
    echo "$(git rev-parse HEAD)${dirty:+-dirty}"
  else
    echo "unknown"
  fi
  ;;
date)
  if in_git; then
    TZ=UTC0 git show --no-patch --date='format-local:%Y-%m-%dT%H:%M:%SZ' --format=%cd HEAD
  else
    echo "unknown"
  fi
  ;;
epoch)
  if in_git; then git show --no-patch --format=%ct HEAD; else echo 0; fi
  ;;
*)
  echo "usage: hack/version.sh version|commit|date|epoch" >&2
  exit 2
  ;;
esac
