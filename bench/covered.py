"""Whether the tests run through as much of the bot as they did: `python -m bench.covered`, after them."""

import json
import subprocess
import sys

LEAST = {"lines": 97.0, "branches": 91.5}
"""Per cent of the bot without the sandbox. It goes up where the tests have, and never down."""

HINT = "Only tests that tests/measured.txt names are measured: name those that run through the lines above.\n"


def main() -> int:
    """Print both; the exit status is 1 where one is too low."""
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", "-"]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own program
    totals = json.loads(done.stdout)["totals"]
    found = {
        "lines": 100 * totals["covered_lines"] / totals["num_statements"],
        "branches": 100 * totals["covered_branches"] / totals["num_branches"],
    }
    for name, share in found.items():
        sys.stdout.write(f"{name}: {share:.1f} % (at least {LEAST[name]:.1f})\n")
    too_low = any(share < LEAST[name] for name, share in found.items())
    if too_low:
        sys.stdout.write(HINT)
    return int(too_low)


if __name__ == "__main__":
    sys.exit(main())
