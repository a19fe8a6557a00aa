#!/usr/bin/env bash
# Builds bin/seldonctl-local, the embedded cluster. Compiling a whole Kubernetes control plane takes
# minutes, so the binary is kept under a key made of all that goes into it, and built only when that changes.
#
# SELDONCTL_CACHE  where binaries are kept (default: $XDG_CACHE_HOME/seldonctl or ~/.cache/seldonctl)
# GOOS, GOARCH     build for another platform, as for go build
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GO=${GO:-go}
export CGO_ENABLED=${CGO_ENABLED:-0}
CACHE=${SELDONCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/seldonctl}
KEEP=3 # binaries, the newest ones

say() { printf '%s\n' "$*" >&2; }

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# The key: every file that the build reads from this repository, the compiler, and this script.
content_key() {
  {
    "$GO" version
    "$GO" env GOOS GOARCH CGO_ENABLED
    "$GO" env GOFLAGS | tr ' ' '\n' | grep -v -e '^-buildvcs=' -e '^$' || true
    find local internal/simseldon go.mod go.sum hack/build-local.sh -type f \
      ! -name '*_test.go' ! -name '.*' ! -path '*/testdata/*' -print |
      LC_ALL=C sort | while IFS= read -r file; do sha256 "$file"; done
  } | sha256 | cut -c1-16
}

# Follows a command in the background: one line that ticks on a terminal, one line per 30 s elsewhere.
# Usage: follow PID COUNT_COMMAND WORDS…; COUNT_COMMAND prints how much is done.
follow() {
  local pid=$1 count=$2 began=$SECONDS last=-30 elapsed
  shift 2
  while kill -0 "$pid" 2>/dev/null; do
    elapsed=$((SECONDS - began))
    if [ -t 2 ]; then
      printf '\r  %d:%02d  %s %s ' $((elapsed / 60)) $((elapsed % 60)) "$("$count")" "$*" >&2
    elif [ $((elapsed - last)) -ge 30 ]; then
      say "  $(printf '%d:%02d' $((elapsed / 60)) $((elapsed % 60)))  $("$count") $*"
      last=$elapsed
    fi
    sleep 1
  done
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

downloaded() { grep -c '^go: downloading' "$work/list.log" || true; }
compiled() { grep -vc '^go: ' "$work/build.log" || true; }

# Waits for the running step and ends the script with the step's own words if it failed.
finish() {
  local code=0
  wait "$step" || code=$?
  step=
  if [ "$code" -ne 0 ]; then
    say "$1:"
    tail -n 40 "$2" >&2
    exit "$code"
  fi
}

leave() {
  if [ -n "$step" ]; then kill "$step" 2>/dev/null || true; fi
  rm -rf "$work"
}

build() {
  say "Building the embedded cluster (etcd, kube-apiserver, kube-controller-manager, kube-scheduler, KWOK and"
  say "the operator stand-in, in one binary). The first time this takes 5 to 10 minutes on 2 free cores and about"
  say "4 GB of disk: 0.6 GB of downloaded modules, 3 GB in Go's build cache, 0.3 GB for the binary and its copy."
  say "Later builds compile only what has changed; an unchanged one is taken from $CACHE."

  say "Looking up the packages (downloads the modules that are not there yet):"
  (cd local && "$GO" list -deps -f '{{.ImportPath}}' .) >"$work/packages" 2>"$work/list.log" &
  step=$!
  follow "$step" downloaded "modules downloaded"
  finish "The packages of local/ could not be looked up" "$work/list.log"

  say "Compiling $(wc -l <"$work/packages" | tr -d ' ') packages (those in Go's build cache are not compiled again):"
  touch "$work/build.log"
  (cd local && exec "$GO" build -v -buildvcs=false -ldflags "-s -w -X main.version=content-$key" -o "$work/$name" .) 2>"$work/build.log" &
  step=$!
  follow "$step" compiled "packages compiled, then linked"
  finish "The embedded cluster could not be built" "$work/build.log"

  # Moved in one step, so that nobody ever finds half a binary.
  mkdir -p "$CACHE/$key"
  mv "$work/$name" "$CACHE/$key/$name.$$"
  mv -f "$CACHE/$key/$name.$$" "$CACHE/$key/$name"
  say "Built in $((SECONDS / 60)) min $((SECONDS % 60)) s, $(du -h "$CACHE/$key/$name" | cut -f1)."
}

# Puts a copy of the kept binary into bin/: a link would let a later `go build -o bin/…` write into the cache.
# Renamed into place, because a running program cannot be written over.
place() {
  mkdir -p bin
  if cmp -s "$CACHE/$key/$name" "bin/$name"; then return; fi
  cp "$CACHE/$key/$name" "bin/$name.$$"
  mv -f "bin/$name.$$" "bin/$name"
}

# Removes all but the newest binaries (what another build of this moment has just made is among those), and
# what builds left that were killed.
prune() {
  find "$CACHE" -mindepth 1 -maxdepth 1 -name '.build.*' -mtime +0 -exec rm -rf {} +
  local kept=0 dir
  # Keys are hexadecimal digits, so that the names need no quoting.
  # shellcheck disable=SC2012
  ls -1t "$CACHE" | while IFS= read -r dir; do
    case $dir in *[!0-9a-f]*) continue ;; esac
    kept=$((kept + 1))
    if [ "$kept" -gt "$KEEP" ]; then rm -rf "${CACHE:?}/$dir"; fi
  done
}

if ! command -v "$GO" >/dev/null; then
  say "Go is not installed, or not on PATH: https://go.dev/dl has it (1.26 or later)."
  exit 1
fi
name=seldonctl-local$("$GO" env GOEXE)
key=$(content_key)
if [ ! -x "$CACHE/$key/$name" ]; then
  mkdir -p "$CACHE"
  work=$(mktemp -d "$CACHE/.build.XXXXXX")
  step=
  trap leave EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  build
fi
touch "$CACHE/$key"
place
prune
