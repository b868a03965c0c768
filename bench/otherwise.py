"""Sets constants of the bot otherwise in a program that is measured, as `bench.constants` wants it."""

import importlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

VARIABLE = "BENCH_OTHERWISE"


def set_constants() -> None:
    """Set what the environment names, by module and name; called before the bot is built."""
    for name, value in json.loads(os.environ.get(VARIABLE, "{}")).items():
        module, _, constant = name.rpartition(".")
        setattr(importlib.import_module(module), constant, value)


@contextmanager
def started_with(constants: Mapping[str, float]) -> Iterator[None]:
    """Let programs that are started meanwhile have these."""
    os.environ[VARIABLE] = json.dumps(dict(constants))
    try:
        yield
    finally:
        del os.environ[VARIABLE]
