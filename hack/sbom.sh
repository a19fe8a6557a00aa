#!/usr/bin/env bash
# Writes the bill of materials of one binary, as CycloneDX JSON: the modules that the binary itself says it was built
# from, with their checksums, and Go's standard library. One binary always gives the same file: without a time, and with
# a serial number made of the binary.
# Usage: hack/sbom.sh VERSION BINARY FILE (the last two from the folder that it is called in)
#
# CYCLONEDX  the program cyclonedx-gomod (default: the pinned one)
set -euo pipefail
here=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?usage: hack/sbom.sh VERSION BINARY FILE}
binary=${2:?usage: hack/sbom.sh VERSION BINARY FILE}
file=${3:?usage: hack/sbom.sh VERSION BINARY FILE}
case $binary in /*) ;; *) binary=$here/$binary ;; esac
case $file in /*) ;; *) file=$here/$file ;; esac

# The tool runs on this machine, whatever platform the release is for.
cyclonedx=${CYCLONEDX:-$(GOOS='' GOARCH='' "${GO:-go}" tool -modfile=tools/supply/go.mod -n cyclonedx-gomod)}

# A UUID of the kind that is made of a name: here of the binary's own sum.
if command -v sha256sum >/dev/null; then sum=$(sha256sum <"$binary"); else sum=$(shasum -a 256 <"$binary"); fi
serial="${sum:0:8}-${sum:8:4}-8${sum:13:3}-8${sum:17:3}-${sum:20:12}"

# The sums of the tool that writes it are left out: they tell of this machine, not of the binary.
"$cyclonedx" bin -json -std -notimestamp -serial "$serial" -version "v${version#v}" "$binary" |
  sed '/^    "tools": \[$/,/^    ],$/{
    /^        "hashes": \[$/,/^        ],$/d
  }' >"$file"
