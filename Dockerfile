# One image for the four services (a command each) and for the one-shot jobs; a second target, `origin`, is Caddy with
# the page assets. Packages are those of requirements.lock, by hash.
FROM node:24-slim AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.13-slim AS build
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_NO_PROGRESS=1
RUN pip install --no-cache-dir "uv>=0.5,<1" && uv venv /opt/caseloop
WORKDIR /app
COPY pyproject.toml requirements.lock ./
# The lock is the constraint: what runs is in pyproject's own list, without the extras for tests and the embedded stack.
RUN uv pip install --no-cache --compile-bytecode --python /opt/caseloop --constraint requirements.lock --requirements pyproject.toml
COPY services services
COPY shared shared
COPY deploy deploy
COPY --from=modules /app/node_modules node_modules
RUN /opt/caseloop/bin/python -m shared.web.build && rm -rf node_modules

FROM python:3.13-slim AS caseloop
RUN useradd --system --uid 10001 --no-create-home caseloop
COPY --from=build /opt/caseloop /opt/caseloop
COPY --from=build /app /app
WORKDIR /app
# Only Caddy reaches the services, so whoever calls is it; its word on the caller's address is taken.
ENV PATH=/opt/caseloop/bin:$PATH PYTHONUNBUFFERED=1 FORWARDED_ALLOW_IPS=*
USER caseloop
EXPOSE 8000
ENTRYPOINT ["/app/deploy/entrypoint.sh"]
CMD ["intake"]

FROM caddy:2.11-alpine AS origin
COPY deploy/Caddyfile /etc/caddy/Caddyfile
COPY --from=build /app/shared/web/static/dist /srv/assets
ENV CASELOOP_ASSETS=/srv/assets CASELOOP_BIND=0.0.0.0
