FROM rust:1.95-slim-bookworm AS builder

# musl-gcc compiles the C parts of ring. Debian keeps one version of it in a release, and removes
# the one before: to pin it would break the build some day.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends musl-tools \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /build

# BuildKit sets TARGETARCH. The classic builder does not, and builds for the machine it runs on.
ARG TARGETARCH
RUN case "${TARGETARCH:-$(uname -m)}" in \
      amd64 | x86_64) target=x86_64-unknown-linux-musl ;; \
      arm64 | aarch64) target=aarch64-unknown-linux-musl ;; \
      *) echo "no image for ${TARGETARCH:-$(uname -m)}, only for amd64 and arm64" >&2; exit 1 ;; \
    esac \
 && rustup target add "$target" \
 && mkdir .cargo \
 && printf '[build]\ntarget = "%s"\n' "$target" > .cargo/config.toml

# The dependencies are a layer of their own, which lasts until a manifest changes. The other members
# and the benchmark are here since the manifest names them; they are never compiled.
COPY Cargo.toml Cargo.lock ./
COPY contract/Cargo.toml contract/
COPY sandbox/Cargo.toml sandbox/
RUN mkdir src benches contract/src sandbox/src \
 && touch src/lib.rs benches/check.rs contract/src/lib.rs sandbox/src/lib.rs \
 && echo 'fn main() {}' > src/main.rs \
 && cargo build --release --locked

# cargo compares times of change, and those of the sources are older than what was built above.
COPY src src
# `check --explain` prints from it.
COPY docs/diagnostics.md docs/
RUN touch src/lib.rs src/main.rs \
 && cargo build --release --locked \
 && cp target/*/release/port-gitops /port-gitops

FROM scratch

LABEL org.opencontainers.image.title="port-gitops" \
      org.opencontainers.image.description="Makes Git the source of truth for a Port software catalog" \
      org.opencontainers.image.licenses="MIT"

COPY --from=builder /port-gitops /port-gitops

# The runner's files belong to root, so this has to run as root:
# https://docs.github.com/en/actions/reference/workflows-and-actions/dockerfile-support#user
ENTRYPOINT ["/port-gitops"]
