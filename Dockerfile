# Two stages: the first has pip and makes an environment of locked, hashed packages; the second has what runs, and
# nothing that builds. It runs as a user that is not root, on a root file system that may be read-only, and writes to
# one volume, /data: the database, policy.toml beside it, and copies if BACKUP_DIR points into another mount.
ARG PYTHON=3.13-slim
FROM python:${PYTHON} AS build
WORKDIR /source
COPY requirements/postgres.txt requirements/postgres.txt
RUN python -m venv /bot && /bot/bin/pip install --no-cache-dir --require-hashes --requirement requirements/postgres.txt
COPY pyproject.toml README.md LICENSE manifest.yml ./
COPY bot bot
RUN /bot/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
RUN /bot/bin/python -m compileall -q /bot && /bot/bin/pip uninstall --yes pip

FROM python:${PYTHON}
COPY --from=build /bot /bot
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data bot && mkdir /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV PATH=/bot/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATABASE_URL=sqlite:////data/billing-bot.db
STOPSIGNAL SIGTERM
ENTRYPOINT ["billing-bot"]
CMD ["run"]
