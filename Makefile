# The commands of this project. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
unexport PYTHONDONTWRITEBYTECODE  # or every process compiles all of it anew: four that run tests need 13 seconds each for that

.DEFAULT_GOAL := help
.PHONY: help sandbox bench lint quick check test all-tests on-postgres postgres-test crash-test format lock wheel clean pictures

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.run: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

sandbox: $(VENV)/.run  ## the bot with a local Slack and a local Zuora, in the browser; PORT=8400 for another port
	$(BIN)/billing-bot sandbox $(if $(PORT),--port $(PORT)) $(if $(KEEP),--keep $(KEEP))

RULES := tests/domain tests/test_rule_table.py tests/test_plain_text.py tests/test_documents.py
# What `make check` runs beside them: the tables, the client, the readers, and each operation through the front door.
STORIES := email_bill_run email_documents create_bill_run post_bill_run cancel_bill_run approvals clicks clicks_rights home rules
CHECKED := tests/store/test_schema.py tests/store/test_subjects.py tests/store/test_together.py tests/zuora tests/operations tests/cards tests/status \
  $(STORIES:%=tests/stories/test_%.py)

lint: $(VENV)/.test  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: lint  ## lint, and the rules and the documents; under 30 seconds
	$(BIN)/pytest -q $(RULES)

check: lint  ## quick, and a story of each operation, the tables and the client; before every commit
	$(BIN)/pytest -q -n logical --dist worksteal $(RULES) $(CHECKED)

# The official SDK judges what goes to Zuora, in an environment of its own; where it cannot be installed,
# its tests say so in one loud line, and fail in CI.
.sdk/.ready: requirements/sdk.txt
	-@$(PYTHON) -m venv .sdk && .sdk/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/sdk.txt && touch $@

# What runs a second time with everything on a PostgreSQL server: all stories (each with one of its values), the store, and a short life
# of the state machine.
ON_POSTGRES := tests/stories tests/store tests/reliability/test_overlaps.py tests/slack/test_could_not_record.py \
  tests/slack/test_kept_values.py tests/slack/test_silence.py tests/slack/test_slow_zuora.py

# All tests run; coverage measures those that tests/measured.txt names. Both parts run at once: alone, each waits for a quarter of its time.
test: lint .sdk/.ready  ## everything that CI runs: all tests, with what they run through of the bot's lines and branches
	$(BIN)/coverage erase
	@$(MAKE) --no-print-directory --jobs=2 --keep-going all-tests on-postgres
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/python -m bench.covered

all-tests: $(VENV)/.test
	$(BIN)/coverage run -m pytest -q -n logical --dist worksteal

on-postgres: $(VENV)/.test
	@said=$$(mktemp); trap 'rm -f '$$said EXIT; TEST_ENGINE=postgres TEST_VALUES=one RELIABILITY_EXAMPLES=2 $(BIN)/pytest -q -n logical --dist worksteal $(ON_POSTGRES) >$$said 2>&1; status=$$?; \
	echo; echo "On PostgreSQL:"; cat $$said; exit $$status

postgres-test: $(VENV)/.test  ## everything that reaches the store, on PostgreSQL; half an hour
	TEST_ENGINE=postgres $(BIN)/pytest -q -n logical --dist worksteal tests/slack tests/operations tests/replicas tests/cli/test_on_postgres.py $(filter-out tests/slack/%,$(ON_POSTGRES))

crash-test: $(VENV)/.test  ## the process killed 300 times and more; figures go to docs/reliability.md
	$(BIN)/python -m tests.crash.long --write

format: $(VENV)/.test  ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.test  ## pin the dependencies anew from pyproject.toml
	PIP_NO_INDEX= PIP_FIND_LINKS= sh requirements/lock.sh $(PYTHON)

wheel: $(VENV)/.run  ## build the sdist and the wheel into dist/
	rm -rf build dist
	$(BIN)/python -c "from setuptools import build_meta; build_meta.build_sdist('dist')"
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

bench: $(VENV)/.test  ## measure, and write docs/benchmarks.md; some thirteen minutes
	$(BIN)/python -m bench

pictures: $(VENV)/.test  ## take the pictures of README and docs anew, in Chromium
	$(BIN)/python -m bench.pictures
	$(BIN)/python -m bench.cards --pictures

clean:  ## remove what make made
	rm -rf $(VENV) .sdk build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
