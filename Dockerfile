# An image of dynamic-mcp that serves MCP over HTTP on 0.0.0.0:8788, as a user without rights.
#
#   docker build -t dynamic-mcp .                                                     everything
#   docker build -t dynamic-mcp:mvp --build-arg FEATURES=mvp,http --build-arg PROFILE=mvp .   the small one
#
# docs/deployment.md has more. Both base images can be replaced, and a binary that lies in dist/ is taken instead of
# building one: it has to run on the runtime image's C library.

ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
ARG FEATURES=enterprise
WORKDIR /src
COPY . .
RUN mkdir -p /out/data \
    && if [ ! -x dist/dynamic-mcp ]; then \
        cargo build --locked --release --no-default-features --features "${FEATURES}" \
        && mkdir -p dist && cp target/release/dynamic-mcp dist/; \
    fi \
    && cp dist/dynamic-mcp /out/dynamic-mcp

FROM ${RUNTIME_IMAGE}
ARG PROFILE=enterprise
COPY --from=build /out/dynamic-mcp /usr/local/bin/dynamic-mcp
# The registry, the audit log and .env; a volume made here belongs to the user.
COPY --from=build --chown=65532:65532 /out/data /data
ENV MCP_PROFILE=${PROFILE} \
    MCP_TRANSPORT=http \
    MCP_HOST=0.0.0.0 \
    MCP_PORT=8788 \
    MCP_DYNAMIC_STORE=/data/tools.redb \
    MCP_AUDIT_FILE=/data/audit.log
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8788
ENTRYPOINT ["/usr/local/bin/dynamic-mcp"]
