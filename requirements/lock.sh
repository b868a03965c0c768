#!/bin/sh
# Writes requirements/run.txt, postgres.txt and test.txt: every version pinned, every file hashed, no download address.
set -eu
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
"${1:-python3}" -m venv "$tool"
"$tool/bin/pip" install --quiet pip-tools
compile() {
  "$tool/bin/pip-compile" --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --all-build-deps "$@"
}
compile --output-file requirements/run.txt pyproject.toml
compile --extra postgres --constraint requirements/run.txt --output-file requirements/postgres.txt pyproject.toml
compile --extra test --constraint requirements/run.txt --output-file requirements/test.txt pyproject.toml
