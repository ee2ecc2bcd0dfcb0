# Swarmgate's image: one static binary on nothing. `scripts/build-image` builds the same without a registry.
#
#   docker build -t swarmgate .
#
# The binary is linked statically against glibc. For other hosts set TARGET, for example
# x86_64-unknown-linux-musl (on an Alpine builder) or aarch64-unknown-linux-gnu (on an arm64 builder).
FROM rust:1-bookworm AS build
ARG TARGET=x86_64-unknown-linux-gnu
RUN rustup target add "$TARGET"
WORKDIR /src
COPY . .
RUN RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$TARGET" --bin swarmgate \
 && install -D -m 0755 "target/$TARGET/release/swarmgate" /root-of-image/swarmgate \
 && install -d -m 1777 /root-of-image/tmp

FROM scratch
COPY --from=build /root-of-image/ /
# Traefik's images keep their working directory in "/": relative paths such as acme.json mean the same here.
WORKDIR /
# HTTP, HTTPS, and the API where it is switched on. A stack publishes what it needs.
EXPOSE 80 443 8080
# No USER: /var/run/docker.sock is readable by root only. See docs/operations.md for a run without.
ENTRYPOINT ["/swarmgate"]
