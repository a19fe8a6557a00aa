#!/usr/bin/env bash
# Checks that every module that is compiled into the released binaries comes under a licence of the list below.
# It reads the licence files in the module cache, knows a licence by the words that only it has, and refuses what it
# does not know. With -v it prints the licence of each module.
# Usage: hack/licences.sh [-v]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

shopt -s nocaseglob nullglob

# Prints the licence of a text on standard input, blanks and line breaks made one; nothing if it is none of those allowed.
licence_of() {
  local text
  text=$(tr -s '[:space:]' ' ')
  case $text in
  *'Business Source License'* | *'Server Side Public License'* | *'Elastic License'* | *'Commons Clause'* | *'NonCommercial'*) ;;
  *'Mozilla Public License Version 2.0'* | *'Mozilla Public License, version 2.0'*) echo MPL-2.0 ;;
  *'GNU GENERAL PUBLIC LICENSE'* | *'GNU LESSER GENERAL PUBLIC LICENSE'* | *'GNU AFFERO GENERAL PUBLIC LICENSE'*) ;;
  *'Apache License'*'Version 2.0'*) echo Apache-2.0 ;;
  *'Permission is hereby granted, free of charge, to any person obtaining a copy'*) echo MIT ;;
  *'Redistribution and use in source and binary forms'*'either the name'*) echo BSD-3-Clause ;;
  *'Redistribution and use in source and binary forms'*) echo BSD-2-Clause ;;
  *'Permission to use, copy, modify, and'*'distribute this software for any purpose with or without fee is hereby granted'*) echo ISC ;;
  *'This is free and unencumbered software released into the public domain'*) echo Unlicense ;;
  esac
}

# Checks one module: it has at least one licence file, and each of them is known.
check() {
  local path=$1 version=$2 folder=$3 file licence found=
  for file in "$folder"/licen[cs]e* "$folder"/copying* "$folder"/unlicense*; do
    # What a module says about its documentation is not about what is compiled.
    case $file in *.docs) continue ;; esac
    if [ ! -f "$file" ]; then continue; fi
    licence=$(licence_of <"$file")
    if [ -z "$licence" ]; then
      echo "$path $version: the licence in $file is none of those allowed" >&2
      return 1
    fi
    found="$found $licence"
  done
  if [ -z "$found" ]; then
    echo "$path $version: no licence file in $folder" >&2
    return 1
  fi
  echo "$path $version$found"
}

list=$(hack/modules.sh)
known=$(while read -r path version folder; do check "$path" "$version" "$folder" || echo BAD; done <<<"$list")
if [ "${1:-}" = -v ]; then grep -v '^BAD$' <<<"$known"; fi
bad=$(grep -c '^BAD$' <<<"$known" || true)
if [ "$bad" -gt 0 ]; then
  echo "$bad modules: leave them out, or extend the list in hack/licences.sh after a look at what the licence asks" >&2
  exit 1
fi
echo "licences: $(wc -l <<<"$list" | tr -d ' ') modules, $(tr ' ' '\n' <<<"$known" | grep -E '^(Apache|BSD|ISC|MIT|MPL|Unlicense)' | LC_ALL=C sort | uniq -c | awk '{printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2}')"
