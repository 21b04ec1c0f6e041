# The gateway as a container. Every file in it belongs to root and nothing is written at run time, so it runs
# as any user and with a read-only root file system:
#
#   docker build -t sallyport .
#   docker run --read-only -p 4180:4180 -v ./sallyport.yaml:/etc/sallyport/sallyport.yaml:ro sallyport

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
# The packages first: this layer stays as long as the lock file does.
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN npm run build
# Again without what only development and the demo need.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
LABEL org.opencontainers.image.title="Sallyport" \
      org.opencontainers.image.description="An authenticating reverse proxy in front of any web application." \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
# Published ports reach a container's own address only, not its loopback, where the gateway listens otherwise.
ENV SALLYPORT_LISTEN=0.0.0.0:4180
EXPOSE 4180
# The image's unprivileged user `node`; by number, which Kubernetes needs for runAsNonRoot.
USER 1000:1000
# It finds the admin listener by the same file and variables as the gateway does.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 \
  CMD ["node", "/app/dist/src/main.js", "status", "--health"]
# Exec form: Node itself is process 1 and gets the SIGTERM of `docker stop`, with no shell between.
ENTRYPOINT ["node", "/app/dist/src/main.js"]
CMD ["serve"]
