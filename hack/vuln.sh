#!/usr/bin/env bash
# Looks up the known vulnerabilities of what the binaries are made of. The program is searched down to its calls; the
# embedded cluster, which stands on all of Kubernetes and listens on this machine alone, down to its packages.
# It asks Go's vulnerability database, https://vuln.go.dev, and says so where that cannot be reached.
# Usage: hack/vuln.sh
#
# GOVULNDB  another database, such as a mirror or file:///a/folder
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

govulncheck=$("${GO:-go}" tool -modfile=tools/supply/go.mod -n govulncheck)
database=${GOVULNDB:-https://vuln.go.dev}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Usage: scan FOLDER SCAN PACKAGES
scan() {
  local code=0
  echo "$1 ($2 by $2):"
  (cd "$root/$1" && "$govulncheck" -db "$database" -scan "$2" "$3") >"$log" 2>&1 || code=$?
  cat "$log"
  case $code in
  0) ;;
  3) found=yes ;;
  *)
    if grep -qE 'dial tcp|no such host|i/o timeout|connection refused|proxyconnect|TLS|certificate|HTTP GET|unexpected status|response code|no such file or directory' "$log"; then
      echo >&2
      echo "The vulnerability database $database could not be reached, so nothing is known either way." >&2
      echo "It takes a connection to the internet, or a mirror: GOVULNDB=https://mirror.example.com make vuln" >&2
    fi
    exit 1
    ;;
  esac
}

found=
scan . symbol ./cmd/seldonctl
scan local package .
if [ -n "$found" ]; then exit 3; fi
