# The images of Stockade's programs: targets operator, webhook, credentials, canary and cli. docs/images.md says what is
# in them.
#
#   docker build --target operator --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" .
#   hack/images                  # all, without Docker and without a registry
#
# Nothing here depends on the processor: for another one, give --platform.

# Debian 12 with apt, at which the sources are compiled and from which the libraries are taken.
ARG BUILD_BASE=debian:bookworm-slim
# What the programs' files are put upon. They need nothing of it.
ARG RUNTIME_BASE=scratch

FROM ${BUILD_BASE} AS tools
WORKDIR /src
COPY hack/install-dependencies hack/
COPY hack/lib/common.sh hack/lib/go.sh hack/lib/
RUN hack/install-dependencies --compile && rm -rf /var/lib/apt/lists/*

FROM tools AS build
COPY . .
# A directory that outlives the build makes the next one faster; without it nothing but time is lost.
ARG CCACHE_DIR=/ccache
RUN --mount=type=cache,target=/ccache CCACHE_DIR=${CCACHE_DIR} \
    hack/build image stockade-operator stockade-webhook stockade-credentials stockade-canary stockade-cli
ARG SOURCE_DATE_EPOCH=0
RUN for program in operator webhook; do \
      hack/lib/image_root.py --program "build/image/$program/stockade-$program" --out "/image/$program"; \
    done && \
    hack/lib/image_root.py --program build/image/credentials/stockade-credentials --out /image/credentials \
      --public-authorities && \
    hack/lib/image_root.py --program build/image/canary/stockade-canary --out /image/canary && \
    hack/lib/image_root.py --program build/image/cli/stockade --out /image/cli

FROM ${RUNTIME_BASE} AS operator
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="stockade-operator" \
      org.opencontainers.image.description="Runs AI agents on Kubernetes behind a security boundary: the operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image/operator /
USER 65532:65532
EXPOSE 8081
ENTRYPOINT ["/usr/bin/stockade-operator"]

FROM ${RUNTIME_BASE} AS webhook
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="stockade-webhook" \
      org.opencontainers.image.description="Runs AI agents on Kubernetes behind a security boundary: the webhook" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image/webhook /
USER 65532:65532
EXPOSE 8443 8082
ENTRYPOINT ["/usr/bin/stockade-webhook"]

FROM ${RUNTIME_BASE} AS credentials
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="stockade-credentials" \
      org.opencontainers.image.description="Runs AI agents on Kubernetes behind a security boundary: credentials" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image/credentials /
USER 65532:65532
ENTRYPOINT ["/usr/bin/stockade-credentials"]

FROM ${RUNTIME_BASE} AS canary
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="stockade-canary" \
      org.opencontainers.image.description="Runs AI agents on Kubernetes behind a security boundary: the canary" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image/canary /
USER 65532:65532
ENTRYPOINT ["/usr/bin/stockade-canary"]

FROM ${RUNTIME_BASE} AS cli
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="stockade-cli" \
      org.opencontainers.image.description="Runs AI agents on Kubernetes behind a security boundary: the command line" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image/cli /
USER 65532:65532
ENTRYPOINT ["/usr/bin/stockade"]
