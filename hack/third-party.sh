#!/usr/bin/env bash
# Writes the licences and notices of all modules that are compiled into the released binaries into one file.
# Usage: hack/third-party.sh FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

file=${1:?usage: hack/third-party.sh FILE}
mkdir -p "$(dirname "$file")"

modules=$(hack/modules.sh)
{
  echo "The binaries contain code of the following modules, under the licences given with each."
  while read -r path version folder; do
    printf '\n================ %s %s ================\n' "$path" "$version"
    found=
    for text in "$folder"/*; do
      case $(basename "$text" | tr '[:lower:]' '[:upper:]') in
      LICENSE* | LICENCE* | COPYING* | NOTICE*) ;;
      *) continue ;;
      esac
      if [ -f "$text" ]; then
        found=yes
        printf '\n---- %s\n\n' "$(basename "$text")"
        cat "$text"
      fi
    done
    if [ -z "$found" ]; then
      echo "no licence file found in $path $version" >&2
      exit 1
    fi
  done <<<"$modules"
} >"$file"
