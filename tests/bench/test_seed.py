"""The databases that the benchmarks measure are true: `verify` finds each of them whole, and a package of it."""

import asyncio
import json
import zipfile

from click.testing import CliRunner

from bench.seed import big_database
from bot.cli import main

KEY = "k" * 40


async def test_a_large_database_is_whole_and_so_is_a_package_of_it(tmp_path):
    path = await big_database(tmp_path, requests=12, still_open=3, history=150, key=KEY)
    out = tmp_path / "out.zip"
    environment = {
        "DATABASE_URL": f"sqlite:///{path}",
        "AUDIT_KEY": KEY,
        "ZUORA_BASE_URL": "http://127.0.0.1:9",
        "ZUORA_CLIENT_ID": "nobody",
        "ZUORA_CLIENT_SECRET": "of-nobody",
    }
    period = ("--from", "2000-01-01", "--to", "2999-12-31")

    async def done(*words):
        return await asyncio.to_thread(CliRunner().invoke, main, words, env=environment)

    checked = await done("verify", str(path))
    assert checked.exit_code == 0, checked.output
    made = await done("evidence", *period, "--out", str(out))
    assert made.exit_code == 26, made.output  # Zuora cannot be reached
    checked = await done("verify", str(out))
    assert checked.exit_code == 0, checked.output
    with zipfile.ZipFile(out) as archive:
        lines = [json.loads(each) for each in archive.read("population.jsonl").splitlines()]
    assert [each["state"] for each in lines] == ["succeeded"] * 9 + ["waiting"] * 3
    assert len({each["digest"] for each in lines}) == 12
