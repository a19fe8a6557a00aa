#!/usr/bin/env bash
# Puts seldonctl on the PATH of a GitHub Actions job: a released one, whose checksum is verified, or one that is
# there already. action.yml calls it.
#
# SELDONCTL_VERSION   the release, such as 1.2.3 or v1.2.3
# SELDONCTL_SHA256    the checksum that the archive must have (default: the one in the release's checksums.txt)
# SELDONCTL_BASE_URL  where the releases are
# SELDONCTL_PATH      instead of a release: the program to use
# RUNNER_OS, RUNNER_ARCH, RUNNER_TEMP, GITHUB_PATH  come from GitHub
set -euo pipefail

fail() {
  printf '::error title=seldonctl::%s\n' "$*" >&2
  exit 1
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

fetch() {
  curl --fail --silent --show-error --location --retry 3 --output "$2" "$1" || fail "cannot download $1"
}

bin=${RUNNER_TEMP:?}/seldonctl-bin
mkdir -p "$bin"

if [ -n "${SELDONCTL_PATH:-}" ]; then
  [ -z "${SELDONCTL_VERSION:-}" ] || fail "give a version or a path, not both"
  [ -f "$SELDONCTL_PATH" ] || fail "there is no $SELDONCTL_PATH"
  cp "$SELDONCTL_PATH" "$bin/"
  [ -f "$bin/seldonctl" ] || [ -f "$bin/seldonctl.exe" ] || mv "$bin/${SELDONCTL_PATH##*/}" "$bin/seldonctl"
  chmod +x "$bin"/seldonctl*
  echo "$bin" >>"${GITHUB_PATH:?}"
  exit 0
fi

version=${SELDONCTL_VERSION:-}
version=${version#v}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.-]+)?$ ]] || fail "the version to install must be given, such as 1.2.3"
case ${RUNNER_OS:?} in
  Linux) os=linux suffix=tar.gz ;;
  macOS) os=darwin suffix=tar.gz ;;
  Windows) os=windows suffix=zip ;;
  *) fail "there is no release for $RUNNER_OS" ;;
esac
case ${RUNNER_ARCH:?} in
  X64) arch=amd64 ;;
  ARM64) arch=arm64 ;;
  *) fail "there is no release for $RUNNER_ARCH" ;;
esac

work=$(mktemp -d "$RUNNER_TEMP/seldonctl.XXXXXX")
trap 'rm -rf "$work"' EXIT
archive=seldonctl_${version}_${os}_${arch}.$suffix
from=${SELDONCTL_BASE_URL:?}/v$version
fetch "$from/$archive" "$work/$archive"

want=${SELDONCTL_SHA256:-}
if [ -z "$want" ]; then
  fetch "$from/checksums.txt" "$work/checksums.txt"
  want=$(awk -v name="$archive" '$2 == name { print $1 }' "$work/checksums.txt")
  [ -n "$want" ] || fail "the release's checksums.txt does not name $archive"
fi
got=$(sha256 "$work/$archive")
[ "$got" = "$want" ] || fail "$archive has the checksum $got, but must have $want"

if [ "$suffix" = zip ]; then
  unzip -q "$work/$archive" -d "$work/unpacked"
else
  mkdir "$work/unpacked"
  tar -xzf "$work/$archive" -C "$work/unpacked"
fi
for program in "$work"/unpacked/seldonctl "$work"/unpacked/seldonctl.exe "$work"/unpacked/seldonctl-local; do
  if [ -f "$program" ]; then cp "$program" "$bin/"; fi
done
echo "$bin" >>"${GITHUB_PATH:?}"
