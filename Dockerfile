# The gateway as an image: compiled here, then run by a Node without a shell, as nobody in particular.
#   docker build -t tollgate-api-gateway:local .
# scripts/core/build-api-gateway.sh builds it for amd64 and arm64.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /app
ENV CI=true
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json --sourceMap false
# What remains of the packages is what runs: no declarations, maps, sources, tests and manuals. Licences stay.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
  && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.md' -o -name '*.test.js' \) -delete \
  && find node_modules -type d -empty -delete

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Tollgate" \
  org.opencontainers.image.description="An LLM API gateway with token accounting" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
WORKDIR /app
# So that `exec api-gateway node scripts/token-gen.js` finds its node.
ENV NODE_ENV=production PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY LICENSE package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY scripts/*.js ./scripts/
COPY config ./config
USER 65532:65532
EXPOSE 8088
STOPSIGNAL SIGTERM
# Every 5 s and not every 30: Traefik has no route by labels to a container that is still "starting".
HEALTHCHECK --interval=5s --timeout=4s --start-period=40s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/scripts/healthcheck.js"]
# The image's entry point is node itself.
CMD ["dist/main.js"]
