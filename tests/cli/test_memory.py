"""What a running bot keeps in memory, and what its garbage collector looks at."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.cli import COMMANDS, main
from tests.patient import LONGEST
from tests.processes import ENVIRONMENT

ROOT = Path(__file__).parent.parent.parent
NOT_AT_REST = (
    "PIL",
    "xlsxwriter",
    "yaml",
    "cryptography",
    "rfc3161_client",
    "bot.sandbox",
    "bot.audit.evidence",
    "bot.audit.verify",
)


def printed(program):
    """What a program says as JSON, in a separate process."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
        env=ENVIRONMENT, timeout=LONGEST,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_running_bot_holds_nothing_that_only_other_commands_need():
    loaded = printed(
        "import json, sys; from bot.cli import main\n"
        "main.get_command(None, 'run')\n"
        "print(json.dumps(list(sys.modules)))"
    )

    assert "bot.wiring" in loaded
    assert [name for name in NOT_AT_REST if name in loaded] == []


def test_the_list_of_commands_imports_none_of_them():
    loaded = printed(
        "import json, sys; from bot.cli import main; from click.testing import CliRunner\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(json.dumps(list(sys.modules)))"
    )

    assert {name for name in loaded if name.startswith("bot.")} == {"bot.cli", "bot.cli.help"}
    assert "slack_bolt" not in loaded


def test_a_collection_beside_a_large_request_never_looks_at_all_of_it():
    longest, rounds = printed(
        "import gc, json\n"
        "import bot.cli.serve\n"
        "from bot.cli.pauses import keep_pauses_short\n"
        "keep_pauses_short()\n"
        "at, looked_at = [0] * 3, []\n"
        "def note(phase, info):\n"
        "    if phase == 'start':\n"
        "        looked_at.append(sum(at[: info['generation'] + 1]))\n"
        "    else:\n"
        "        at[:] = [len(gc.get_objects(generation)) for generation in range(3)]\n"
        "        at[0] = 10_000\n"
        "gc.callbacks.append(note)\n"
        "documents = [[] for _ in range(400_000)]\n"
        "print(json.dumps([max(looked_at), len(looked_at)]))"
    )

    assert rounds > 20
    assert longest < 40_000


def test_collections_look_at_hardly_anything_and_seldom_once_the_bot_is_ready():
    before, after, new_objects = printed(
        "import gc, json\n"
        "import bot.cli.serve\n"
        "from bot.cli.pauses import keep_pauses_short\n"
        "before = len(gc.get_objects())\n"
        "keep_pauses_short()\n"
        "print(json.dumps([before, len(gc.get_objects()), gc.get_threshold()[0]]))"
    )

    assert before > 50_000
    assert after < before / 100
    assert new_objects == 10_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_long_texts_go_back_to_the_system():
    more = printed(
        "import json, pathlib\n"
        "from bot.cli.pauses import give_back_only_long_texts\n"
        "held = lambda: 4096 * int(pathlib.Path('/proc/self/statm').read_text().split()[1])\n"
        "give_back_only_long_texts()\n"
        "before = held()\n"
        "for _ in range(2):\n"
        "    text = 'x' * (20 << 20)\n"
        "    del text\n"
        "print(json.dumps(held() - before))"
    )

    assert more < 5_000_000  # glibc by default keeps the second one


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_what_a_statement_takes_and_lets_go_of_stays_with_the_process():
    fetched = printed(
        "import json, resource\n"
        "from bot.cli.pauses import give_back_only_long_texts\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "give_back_only_long_texts()\n"
        "before = faults()\n"
        "for _ in range(100):\n"
        "    text = 'x' * 600_000\n"
        "    del text\n"
        "print(json.dumps(faults() - before))"
    )

    assert fetched < 1_000  # pages; otherwise 147 each time


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_found_under_its_own_name(name):
    command = main.get_command(click.Context(main), name)

    assert command
    assert command.name == name
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
