"""A package is compared with the one before it, by both programs."""

import asyncio
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.audit import rows as plain
from bot.audit.elsewhere import apart
from bot.workflow.receipts import NOT_MINE
from tests.audit.test_evidence import checked, lines, packet_of
from tests.audit.test_outside_the_bot import HAND, signed_by_bob, with_work_by_hand
from tests.audit.test_package import Forger, forged, rebuilt, status, written
from tests.audit.test_period import mailed, package
from tests.stage import BOB, CARLA, Stage
from tests.stories.test_receipts import press

FIRST = ("--from", "2026-11-20", "--to", "2026-11-22")
SECOND = ("--from", "2026-11-23", "--to", "2026-11-25")
ALONE = "INV00000003"
"""The invoice that was mailed by hand, which nobody explains."""
THIRD = ("--from", "2026-11-26", "--to", "2026-11-28")


class Made(NamedTuple):
    """Packages; `second` follows `first`, each of `thirds` the second, and `alone` is of the second's days and names none before it."""

    first: Path
    second: Path
    thirds: list[Path]
    alone: Path
    database: Path


async def worked(stage, folder):
    """The first two packages."""
    stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "9.00")])
    await with_work_by_hand(stage)
    for number in (4, 5, 6):
        invoices = [("A00000001", "USD", f"{number}.00")]
        stage.zuora.world.add_bill_run(f"BR-0000000{number}", invoices=invoices)
    await stage.pass_time(hours=20)
    ts = await stage.ask(text="BR-00000004")
    await stage.quiet()
    await stage.pass_time(hours=4)  # what was shown of it is recorded
    await signed_by_bob(stage, "BR-00000002", "The bot was down")
    await stage.pass_time(hours=16)
    _, first = await package(stage, folder / "a", *FIRST)
    await stage.reject(CARLA, ts, "Not agreed")
    await mailed(stage, "BR-00000005")
    await mailed(stage, "BR-00000006")
    await signed_by_bob(stage, "BR-00000003", "By hand")
    await stage.pass_time(days=3)
    _, second = await package(stage, folder / "b", *SECOND, "--after", str(first))
    return first, second


async def followed(stage, folder, second):
    """Those that follow the second, and one that is of the same days and names none before it."""
    await press(stage, BOB, NOT_MINE)
    await stage.quiet()
    await stage.pass_time(days=2)
    thirds = []
    for name, options in {"c": (), "d": ("--redact",), "e": ("--without-zuora",)}.items():
        made = await package(stage, folder / name, *THIRD, "--after", str(second), *options)
        thirds.append(made[1])
    _, alone = await package(stage, folder / "f", *SECOND)
    return thirds, alone


async def story(folder):
    """R-2 is asked for in the first package and decided in the second; R-3 and R-4 are of the second.

    Of the first one's exceptions BR-00000002 is explained in time, BR-00000003 in the second period, which is denied in the third.
    """
    stage = Stage(folder, "run")
    stage.slack.workspace.users[BOB].real_name = "the bot"  # as words of an exception
    await stage.open()
    await stage.start()
    try:
        first, second = await worked(stage, folder)
        thirds, alone = await followed(stage, folder, second)
        return Made(first, second, thirds, alone, Path(stage.settings().database_path))
    finally:
        await stage.close()


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return asyncio.run(story(tmp_path_factory.mktemp("story")))


@pytest.fixture
def two(packages, tmp_path):
    copied = (shutil.copy(each, tmp_path / f"{each.parent.name}.zip") for each in packages[:2])
    return [*map(Path, copied)]


def named(out):
    """The exceptions that are brought forward, and which of them are explained."""
    return {each["number"]: "explanation" in each for each in lines(out, "brought_forward.jsonl")}


def before(second, first):
    """What both programs say of a package, given the one before; `--before` and `--heads` say the same."""
    found = status(second, "", str(first))
    assert checked(second, "--before", str(first)).exit_code == found.exit_code
    return found


def test_packages_that_follow_each_other_are_whole_with_and_without_the_one_before(packages):
    first, second, thirds = packages[:3]
    assert "the package before was not given" in status(second, "").output
    assert "the package before was not given" not in status(first, "").output
    found = before(second, first)
    assert found.exit_code == 0, found.output
    assert "it was compared with the package before" in found.output
    assert status(first, "", str(second)).exit_code == 0
    for each in thirds:
        assert before(each, second).exit_code == 0, before(each, second).output


def test_what_was_explained_in_time_is_not_brought_forward_unless_that_is_denied(packages):
    _, second, (third, *_) = packages[:3]

    assert "BR-00000002" not in named(second)
    assert [number for number, is_explained in named(second).items() if is_explained] == [
        "BR-00000003"
    ]
    assert named(third) == dict.fromkeys(named(second), False)


def test_an_exception_that_is_not_brought_forward_is_found(two):
    first, second = two
    forger = Forger(second, "")
    brought = lines(second, "brought_forward.jsonl")
    forger.put("brought_forward.jsonl", [each for each in brought if each["number"] != ALONE])
    out = forged(forger)
    assert status(out, "").exit_code == 0, "nothing in a package alone shows it"

    found = before(out, first)

    assert found.exit_code == 19, found.output
    words = f"{ALONE} (mailed outside the bot) is open in the package before, and is not"
    assert words in found.output


def test_an_exception_that_was_never_open_before_is_found(two):
    first, second = two
    forger = Forger(second, "")
    brought = lines(second, "brought_forward.jsonl")
    forger.put("brought_forward.jsonl", [*brought, brought[0] | {"number": "BR-00000099"}])

    found = before(forged(forger), first)

    assert found.exit_code == 19
    assert "BR-00000099 (" in found.output
    assert "is no exception of the package before" in found.output


def test_what_was_open_is_brought_forward_though_no_package_before_is_named(packages):
    last = lines(packages.first, "history.jsonl")[-1]
    assert status(packages.alone, "", f"{last[0]}:{last[8]}").exit_code == 0

    found = before(packages.alone, packages.first)

    assert found.exit_code == 19
    assert f"{ALONE} (mailed outside the bot) is open in the package before" in found.output


@pytest.mark.parametrize(
    ("number", "alone", "code", "words"), [(3, 0, 21, "R-4 follows R-2."), (4, 0, 0, "")]
)
def test_the_first_request_taken_out_is_found_by_the_last_number_before(
    two, number, alone, code, words
):
    """Whoever has the key made everything again; of the last one nothing tells but a head from elsewhere."""
    first, second = two
    forger = Forger(rebuilt(second, "", without_request=number), "")
    rows = len(lines(second, "history.jsonl")) - len(forger.files["history.jsonl"].splitlines())
    brought = lines(second, "brought_forward.jsonl")
    for each in (each for each in brought if "explained_in" in each):
        each["explained_in"] -= rows
    forger.put("brought_forward.jsonl", brought)
    out = forged(forger)
    assert status(out, "").exit_code == alone

    found = before(out, first)

    assert found.exit_code == code, found.output
    assert words in found.output


def test_a_package_before_of_which_exceptions_were_taken_out_is_not_the_one_that_is_named(
    two,
):
    first, second = two
    forger = Forger(first, "")
    for name in ("things.jsonl", "exceptions.jsonl"):
        forger.put(name, [])
    out = forged(forger)
    assert status(out, "").exit_code == 0

    found = before(second, out)

    assert found.exit_code == 18
    assert "names another package before it than the one that was given" in found.output


def test_a_package_before_that_its_own_manifest_does_not_bind_is_not_believed(two, tmp_path):
    first, second = two
    forger = Forger(first, "")
    forger.put("exceptions.jsonl", [])
    out = tmp_path / "changed.zip"
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in forger.files.items():
            archive.writestr(name, content)

    found = before(second, out)

    assert found.exit_code == 19, found.output
    assert "In the package before, exceptions.jsonl is changed" in found.output


def resealed(row, **changed):
    """A row that is changed and fits its own hash, as anybody can make it where there is no key."""
    new = plain.FileRow(*row)._replace(**changed)
    return [*new._replace(hash=plain.hashed(plain.text_of(new)))]


@pytest.mark.parametrize("change", ["left out", "another text", "put in"])
def test_other_rows_from_before_the_period_than_the_package_before_has_are_found(two, change):
    first, second = two
    forger = Forger(second, "")
    standing = lines(second, "standing.jsonl")
    place = next(at for at, row in enumerate(standing) if row[3] == "people.groups")
    row = standing[place]
    if change == "left out":
        del standing[place]
    elif change == "another text":
        standing[place] = resealed(row, at=row[1].replace("T10:", "T09:"))
    else:
        asked = packet_of(first, 1)["history"][0]["sequence"]
        standing.append(resealed(row, sequence=asked))
        standing.sort()
    forger.files["standing.jsonl"] = written(standing)
    out = forged(forger)
    assert status(out, "").exit_code == 0, status(out, "").output

    found = before(out, first)

    assert found.exit_code == 19, found.output
    assert "standing.jsonl and the package before differ in row" in found.output


@pytest.mark.parametrize(("change", "alone"), [("left out", 0), ("put in", 0), ("twice", 19)])
def test_other_rows_of_a_request_than_the_package_before_has_are_found(two, change, alone):
    first, second = two
    forger, (*_, last) = Forger(second, ""), lines(first, "history.jsonl")

    def another(packet):
        history = packet["history"]
        of = next(row for row in history if row["what"] == "slack.shown")
        if change == "left out":
            history.remove(of)
            return
        taken = {each["sequence"] for each in history}
        free = next(at for at in range(history[0]["sequence"] + 1, last[0]) if at not in taken)
        row = plain.FileRow(**of | {"data": plain.compact(of["data"])})
        new = resealed(row, sequence=free if change == "put in" else row.sequence, at="2026")
        history.append({**plain.FileRow(*new)._asdict(), "data": of["data"]})
        history.sort(key=lambda each: each["sequence"])

    forger.request(2, another)
    out = forged(forger)
    assert status(out, "").exit_code == alone, status(out, "").output

    found = before(out, first)

    assert found.exit_code == 19, found.output
    words = "requests.jsonl and the package before differ in row"
    assert f"R-2: {words}" in found.output or alone


@pytest.mark.parametrize(
    ("field", "value", "code", "words"),
    [
        ("signing_key", [3, "ab" * 32], 25, "another signing key than the one"),
        ("keyed_from", 2, 18, "not made with the key of the package before"),
        ("before", None, 18, "goes on from another row"),
    ],
)
def test_other_keys_or_another_end_than_the_package_before_has_are_found(
    two, field, value, code, words
):
    first, second = two
    forger = Forger(second, "")

    def change(about):
        about[field] = value or about["before"] | {"hash": "0" * 64}

    forger.json("chain.json", change)

    found = status(forger.sealed(), "", str(first))

    assert words in found.output
    assert found.exit_code in {10, code}, found.output


def test_a_package_that_is_no_neighbour_is_not_taken_for_compared(packages):
    found = before(packages.thirds[0], packages.first)
    assert found.exit_code == 24, found.output
    assert "is neither the one before nor the one after" in found.output


def test_a_package_before_of_another_format_is_not_taken_for_compared(two):
    first, second = two
    forger = Forger(first, "")
    forger.json("manifest.json", lambda value: value.update(format=8))

    found = before(second, forged(forger))

    assert found.exit_code == 24, found.output
    assert "The package before is of format 8" in found.output


def test_a_database_has_no_package_before(packages):
    found = checked(packages.database, "--before", str(packages.first))
    assert found.exit_code == 2
    assert "--before compares a package" in found.output


@pytest.mark.parametrize("option", ["--before", "--heads"])
@pytest.mark.parametrize("what", ["damaged", "another zip"])
def test_a_package_given_that_cannot_be_read_is_not_readable(two, tmp_path, what, option):
    first, second = two
    out = tmp_path / "given.zip"
    if what == "damaged":
        with zipfile.ZipFile(first) as archive:
            about = archive.getinfo("history.jsonl")
        raw, middle = bytearray(first.read_bytes()), about.header_offset + about.compress_size // 2
        raw[middle : middle + 40] = b"\xff" * 40
        out.write_bytes(raw)
    else:
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a.txt", "no package")

    found = checked(second, option, str(out))

    assert found.exit_code == 3, repr(found.exception)
    assert f"{out} is no evidence, or is damaged" in found.output


def test_a_text_is_not_taken_for_the_package_before(packages, tmp_path):
    last = lines(packages.first, "history.jsonl")[-1]
    text = tmp_path / "head.txt"
    text.write_text(f"{last[0]}:{last[8]}")

    found = checked(packages.second, "--before", str(text))

    assert found.exit_code == 2
    assert "--before takes a package" in found.output
    assert checked(packages.second, "--heads", str(text)).exit_code == 0


def test_the_package_that_follows_is_not_taken_for_the_one_before(packages):
    found = checked(packages.first, "--before", str(packages.second))
    assert found.exit_code == 24, found.output
    assert "nothing was compared with the package before" in found.output


async def test_days_that_lie_between_two_packages_are_named(stage, tmp_path):
    await with_work_by_hand(stage)
    await stage.pass_time(hours=40)
    _, first = await package(stage, tmp_path / "a", *FIRST)
    await stage.pass_time(days=2)
    alone = stage.zuora.world.add_invoice("A00000001", "USD", "10.00")
    alone.last_email_sent = alone.updated_at = stage.clock.now()  # 25 November, by hand
    alone.updated_by = HAND
    await stage.pass_time(days=6)
    days = ("--from", "2026-11-28", "--to", "2026-11-29")

    made, second = await package(stage, tmp_path / "b", *days, "--after", str(first))

    for out in (first, second):
        assert alone.number not in {each.get("number") for each in lines(out, "things.jsonl")}
    words = "to 2026-11-28 00:00 (UTC) is in neither package"
    assert words in made.output
    found = before(second, first)
    assert (found.exit_code, words in found.output) == (0, True), found.output


def test_no_days_lie_between_packages_that_follow_each_other(packages):
    found = before(packages.second, packages.first)
    assert "is in neither package" not in found.output


@pytest.mark.parametrize(
    ("made_at", "start", "since"),
    [
        ("2026-11-23T01:00", "2026-11-23T00:00", ""),
        ("2026-11-23T01:00", "2026-11-22T00:00", ""),
        ("2026-11-23T01:00", "2026-11-24T00:00", "from 2026-11-23 00:00 to 2026-11-24 00:00"),
        ("2026-11-22T18:00", "2026-11-23T00:00", "from 2026-11-22 18:00 to 2026-11-23 00:00"),
    ],
    ids=["none", "both have a day", "a day", "the first was made before its last day was over"],
)
def test_what_lies_between_two_packages_is_what_neither_could_see(made_at, start, since):
    words = apart({"end": "2026-11-23T00:00", "made_at": made_at}, start)
    assert (since in words) if since else not words


@pytest.mark.parametrize("field", ["what", "number", "kind", "at", "who"])
def test_only_a_name_may_be_masked_in_what_is_brought_forward(packages, tmp_path, field):
    third = shutil.copy(packages.thirds[1], tmp_path / "third.zip")
    forger = Forger(tmp_path / "third.zip", "")
    (first, *others) = sorted(
        lines(third, "brought_forward.jsonl"), key=lambda each: field not in each
    )
    forger.put("brought_forward.jsonl", [first | {field: "[name 1]"}, *others])

    found = before(forged(forger), packages.second)

    assert found.exit_code == (0 if field == "who" else 19), found.output


def test_a_name_that_is_masked_in_one_line_is_compared_in_the_others(packages, tmp_path):
    third = shutil.copy(packages.thirds[1], tmp_path / "third.zip")
    forger = Forger(tmp_path / "third.zip", "")
    first, second, *others = lines(third, "brought_forward.jsonl")
    changed = [first | {"who": "[name 1]"}, second | {"who": "2c92"}, *others]
    forger.put("brought_forward.jsonl", changed)

    found = before(forged(forger), packages.second)

    assert found.exit_code == 19, found.output
    assert f"{second['number']} ({second['what']}) is open in the package before" in found.output
    assert found.output.count("is open in the package before") == 1


def test_words_that_are_also_somebodys_name_are_masked_in_nothing_that_is_compared(packages):
    second, masked = packages.second, packages.thirds[1]
    assert "[name 1]" in str(lines(masked, "statements.jsonl"))
    there = {each["what"] for each in lines(masked, "brought_forward.jsonl")}
    assert there == {each["what"] for each in lines(second, "brought_forward.jsonl")}
    assert "mailed outside the bot" in there


def test_a_package_of_the_same_rows_still_gives_its_head(packages):
    whole, redacted = packages.thirds[:2]
    assert status(whole, "", str(redacted)).exit_code == 0
    assert status(redacted, "", str(whole)).exit_code == 0


def test_of_two_packages_given_as_the_one_before_both_are_compared(two, tmp_path):
    first, second = two
    (tmp_path / "other").mkdir()
    forger = Forger(Path(shutil.copy(first, tmp_path / "other")), "")
    for name in ("things.jsonl", "exceptions.jsonl"):
        forger.put(name, [])
    other = forged(forger)
    assert status(second, "", str(first), str(other)).exit_code == 18
    assert status(second, "", str(other), str(first)).exit_code == 18
    assert status(second, "", str(first), str(first)).exit_code == 0


def test_of_two_packages_before_one_that_names_none_neither_is_taken_for_compared(
    packages, two, tmp_path
):
    (tmp_path / "other").mkdir()
    forger = Forger(Path(shutil.copy(two[0], tmp_path / "other")), "")
    forger.put("things.jsonl", [])
    found = status(packages.alone, "", str(two[0]), str(forged(forger)))
    assert "Several of the given packages end where this one begins" in found.output


async def test_a_package_after_an_empty_one_is_whole(stage, tmp_path):
    """The bot was installed in the second period; the head of an empty history is no key and no hash."""
    _, empty = await package(stage, tmp_path / "a", "--from", "2026-10-01", "--to", "2026-10-31")
    stage.zuora.world.add_bill_run("BR-00000005", invoices=[("A00000001", "USD", "9.00")])
    await mailed(stage, "BR-00000005")
    await stage.pass_time(days=3)

    made, second = await package(
        stage, tmp_path / "b", "--from", "2026-11-20", "--to", "2026-11-22", "--after", str(empty)
    )

    assert "rebuilt" not in made.output
    found = before(second, empty)
    assert found.exit_code == 0, found.output
    alone = status(second, "", str(empty))
    assert alone.exit_code == 0, alone.output


@pytest.mark.parametrize("has_worked", [False, True])
async def test_packages_without_rows_that_follow_each_other_are_whole(stage, tmp_path, has_worked):
    """Each ends where it begins, so the one after it seems to end where it begins too."""
    spans = [
        ("2026-08-01", "2026-08-31"),
        ("2026-09-01", "2026-09-30"),
        ("2026-10-01", "2026-10-31"),
    ]
    if has_worked:
        spans = [
            ("2026-11-20", "2026-11-22"),
            ("2026-11-23", "2026-11-24"),
            ("2026-11-25", "2026-11-26"),
        ]
        await stage.reject(BOB, await stage.ask(), "Not agreed")
        await stage.pass_time(days=7)
    made, after = list[Path](), list[str]()
    for number, (start, end) in enumerate(spans):
        folder = tmp_path / str(number)
        _, out = await package(stage, folder, "--from", start, "--to", end, *after)
        made, after = [*made, out], ["--after", str(out)]
    first, second, third = made

    assert [bool(lines(each, "history.jsonl")) for each in made] == [has_worked, False, False]
    for one, *others in ((first, second), (second, first), (second, first, third), (third, second)):
        found = status(one, "", *map(str, others))
        assert found.exit_code == 0, found.output
    assert before(second, first).exit_code == before(third, second).exit_code == 0
