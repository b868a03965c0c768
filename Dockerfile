# Two stages: the wheel is built in the first; the second has what runs, and nothing that builds.
FROM python:3.13-slim AS build
WORKDIR /source
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /bot && /bot/bin/pip install --no-cache-dir --require-hashes --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE manifest.yml ./
COPY bot bot
RUN /bot/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
COPY --from=build /bot /bot
RUN useradd --system --create-home --home-dir /data bot
USER bot
WORKDIR /data
VOLUME /data
ENV PATH=/bot/bin:$PATH PYTHONUNBUFFERED=1
STOPSIGNAL SIGTERM
ENTRYPOINT ["billing-bot"]
CMD ["run"]
