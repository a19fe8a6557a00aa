#!/usr/bin/env bash
# Builds bin/seldonctl and, for Linux, a runnable image, in Docker with BuildKit.
# Usage: hack/docker-build.sh PLATFORM IMAGE
#
# BUILD_IMAGE, BASE_IMAGE  the Dockerfile's arguments (its defaults: golang:1.26-bookworm, scratch)
# DOCKER_NETWORK           the network of the build, for example "host", where the default one has no way out
# VERSION, COMMIT, DATE    what the binary says of itself
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

platform=${1:?usage: hack/docker-build.sh PLATFORM IMAGE}
image=${2:?usage: hack/docker-build.sh PLATFORM IMAGE}
DOCKER=${DOCKER:-docker}

stop() {
  printf '%s\n' "$@" >&2
  exit 1
}

if ! command -v "$DOCKER" >/dev/null; then
  stop "Docker is not installed, or not on PATH." \
    "Install it (https://docs.docker.com/engine/install; on Debian: apt-get install docker.io), or build without it:" \
    "  make binary    builds bin/seldonctl with the Go of this machine"
fi
if ! reason=$("$DOCKER" version --format '{{.Server.Version}}' 2>&1); then
  stop "Docker is installed, but its daemon does not answer:" "  $reason" \
    "Start it (systemctl start docker, or Docker Desktop), or build without it: make binary"
fi

arguments=(--platform "$platform")
for name in BUILD_IMAGE BASE_IMAGE VERSION COMMIT DATE GOPROXY; do
  if [ -n "${!name:-}" ]; then arguments+=(--build-arg "$name=${!name}"); fi
done
if [ -n "${DOCKER_NETWORK:-}" ]; then arguments+=(--network "$DOCKER_NETWORK"); fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs one build and explains the failures that have a known way round.
docker_build() {
  if DOCKER_BUILDKIT=1 "$DOCKER" build "${arguments[@]}" "$@" . 2>&1 | tee "$log"; then return; fi
  if grep -qE 'buildx component is missing|unknown command: docker buildx' "$log"; then
    stop "" "This Docker needs its BuildKit plugin: install docker-buildx-plugin (Docker's packages) or docker-buildx (Debian 13)," \
      "or build without Docker: make binary"
  fi
  if grep -qE 'failed to (resolve source metadata|do request|fetch|authorize)|pull access denied|load metadata for|failed to solve with frontend.*failed to create LLB' "$log" &&
    ! grep -qE 'executor failed|did not complete successfully' "$log"; then
    stop "" "A base image could not be pulled. Name ones that this machine has or can reach:" \
      "  make build BUILD_IMAGE=registry.example.com/golang:1.26 BASE_IMAGE=scratch" \
      "BUILD_IMAGE needs Go 1.26 or later and CA certificates; BASE_IMAGE needs nothing. Or build without Docker: make binary"
  fi
  if grep -qE 'proxy\.golang\.org|dial tcp|no such host|i/o timeout' "$log"; then
    stop "" "The build could not download Go modules. If Docker's own network has no way out, take the machine's:" \
      "  make build DOCKER_NETWORK=host"
  fi
  stop "" "The build failed; the reason is above."
}

mkdir -p bin
docker_build --target binary --output type=local,dest=bin
echo "Built bin/seldonctl for $platform."

case $platform in
linux/*)
  docker_build --target image --tag "$image"
  echo "Built the image $image: docker run --rm $image version"
  ;;
*) echo "No image: a container runs Linux, not ${platform%%/*}." ;;
esac
