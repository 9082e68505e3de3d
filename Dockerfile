# The service without anything else: no shell, no package manager, no root.
#
#   docker build --build-arg VERSION=v1.2.3 -t latchkey .
#
# It needs database_url, because there is no PostgreSQL inside, and listen
# addresses that the container's network reaches, such as ":8080". compose.yaml
# shows a whole installation.

FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=development
# timetzdata puts the time zones into the binary.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOTOOLCHAIN=local \
    go build -mod=readonly -trimpath -buildvcs=false -tags timetzdata \
    -ldflags "-s -w -X main.version=$VERSION" -o /latchkey ./cmd/latchkey

FROM scratch
ARG VERSION=development
LABEL org.opencontainers.image.title="Latchkey" \
      org.opencontainers.image.description="Gives every API key an owner, an approval and an end." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /latchkey /latchkey
ENV LATCHKEY_CONFIG=/etc/latchkey/latchkey.yaml LATCHKEY_LOG_JSON=true
USER 65532:65532
# The pages and the API; the gateway.
EXPOSE 8080 8081
# Every role answers it, at `listen`.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["/latchkey", "healthcheck"]
ENTRYPOINT ["/latchkey"]
CMD ["serve"]
