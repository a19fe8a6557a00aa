# seldonctl in Docker with BuildKit; `make build` calls it. No "# syntax" line, so that nothing but the
# two images below is ever pulled. Both are arguments: take them from your own registry where you must.
#
#   BUILD_IMAGE  any image with Go 1.26 or later, and CA certificates in the usual place
#   BASE_IMAGE   what the runnable image stands on; the binary is static and needs nothing
ARG BUILD_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=scratch

# Compiled on the builder's own platform for the wanted one: no emulation.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
ENV CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
WORKDIR /src
ARG GOPROXY=https://proxy.golang.org,direct
COPY go.mod go.sum ./
RUN --mount=type=cache,id=seldonctl-modules,target=/go/pkg/mod \
    GOMODCACHE=/go/pkg/mod go mod download
COPY cmd cmd
COPY internal internal
ARG TARGETOS TARGETARCH
ARG VERSION=dev COMMIT=unknown DATE=unknown
RUN --mount=type=cache,id=seldonctl-modules,target=/go/pkg/mod \
    --mount=type=cache,id=seldonctl-build,target=/go/build \
    GOMODCACHE=/go/pkg/mod GOCACHE=/go/build GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -o /out/ -ldflags "-s -w -buildid= \
      -X github.com/seldonctl/seldonctl/internal/cli.version=$VERSION \
      -X github.com/seldonctl/seldonctl/internal/cli.commit=$COMMIT \
      -X github.com/seldonctl/seldonctl/internal/cli.date=$DATE" ./cmd/seldonctl

# The binary alone, for `docker build --target binary --output bin`.
FROM scratch AS binary
COPY --from=build /out/ /

# The runnable image: the binary, the licence, the CA certificates of the build image, nobody's rights.
FROM ${BASE_IMAGE} AS image
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /LICENSE
COPY --from=build /out/seldonctl /seldonctl
ENV HOME=/tmp
USER 65532:65532
ENTRYPOINT ["/seldonctl"]
