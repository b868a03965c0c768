"""What processes that tests start have in their environment, and nothing else of it."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
"""Lets coverage count what they run through too; empty where, and while, nothing is measured."""

ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "PATH": os.environ.get("PATH", ""),
    "LOG_FORMAT": "text",
    "DIGEST_TIME": "",  # what they post must not depend on the day of the week
    **MEASURED,
}
