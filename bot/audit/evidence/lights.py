"""The five lights on the first page: the findings in words, and whether they are good, bad or not known."""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum, unique
from typing import NamedTuple

from bot.audit.evidence.package import Package
from bot.audit.evidence.said import denial, person
from bot.audit.finding import Flaw
from bot.audit.rows import Json
from bot.domain.words import count, listed, some

CONTROL = {Flaw.CONTROL}
ANCHORS = {Flaw.SIGNATURE, Flaw.NOT_COMPARED}


PUT_BACK = (
    "but before row {} an older copy of the database was put back, and what was recorded after that copy is in no package "
    "made from this one: compare the packages and heads of that time"
)
DAMAGED = "{} of this package {} damaged, so nobody can read what was recorded there: {}."
MOST_NAMED = 20
NO_CARD = "no request of the period has a card in Slack, so nothing was read there"

STILL_OPEN = "{} of earlier packages {} still not explained"


@unique
class Shade(StrEnum):
    """The colour of a light."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "not known"


class Light(NamedTuple):
    """One of the five lights."""

    name: str
    shade: Shade
    words: str

    @property
    def asks(self) -> str:
        """Return the question that it answers."""
        return ASKS[self.name]

    @property
    def next(self) -> str:
        """Return what an auditor does about it; empty for a good one."""
        return NEXT.get((self.name, self.shade), "")


ASKS = {
    "Chain": "Was a row of the history changed, taken out or put in?",
    "Anchors": "Were heads (number and hash of the last row at a moment) left where whoever writes the database cannot change them?",
    "Control": "Was each request approved as the policy requires, and sent as it was approved?",
    "Zuora": "Was everything that Zuora shows done by the bot?",
    "Slack": "Do cards and threads still stand in Slack as they were sent?",
}
NEXT = {
    ("Chain", Shade.BAD): "Check the database with billing-bot verify, and trust no row from the first one on that is named.",
    ("Chain", Shade.UNKNOWN): "Compare the packages and heads of that time.",
    ("Anchors", Shade.BAD): "Ask who held the signing key when the row was written that is named.",
    ("Anchors", Shade.UNKNOWN): (
        "Ask for a head that somebody else has kept, and give it to verify.py. Without one, a rebuilt history would look the same."
    ),
    ("Control", Shade.BAD): "Look at the page of each request that is named, and ask the people on it.",
    ("Control", Shade.UNKNOWN): (
        "Ask who changed a policy that is not confirmed, and why: somebody who could approve before and gains nothing by it can still "
        "confirm it in Slack. Ask for the text of a policy, and for the members of a group, where no row says them."
    ),
    ("Zuora", Shade.BAD): "Ask who did each of the exceptions in Zuora, and why. Management can sign the answer in Slack.",
    ("Zuora", Shade.UNKNOWN): "Have the package made where Zuora can be read, or compare it with Zuora's own lists.",
    ("Slack", Shade.BAD): "Open what is named in Slack, and ask who changed or deleted it.",
    ("Slack", Shade.UNKNOWN): "Have the package made with the bot's token, or open the cards of your sample in Slack.",
}  # fmt: skip

SAID_ALREADY = ("Control", Shade.UNKNOWN)
"""The verdict says in its first sentence what is not confirmed."""


def verdict(package: Package, found: Sequence[Light]) -> str:
    """Return in a few sentences what the lights say together."""
    shades = {each.name: each.shade for each in found}
    number, open_ = package.about["requests"], package.unexplained
    whole = (
        "the one request of this package"
        if number == 1
        else f"the {number:,} requests of this package"
    )
    if shades["Control"] is Shade.BAD:
        failed = {0: "The control did not hold, though no request is in this package"}
        failed[1] = f"The control did not hold for {whole}"
        said = failed.get(number, f"The control did not hold for all of {whole}")
    else:
        said = f"The control held for {whole}" if number else "No request is in this package"
        said += ", as far as it could be compared" if package.left_open else ""
    if open_:
        said += f"; {count(open_, 'deed')} in Zuora went round it, and nobody has explained {'it' if open_ == 1 else 'them'}"
    elif shades["Zuora"] is Shade.UNKNOWN:
        said += "; whether anything in Zuora went round it is not known"
    else:
        said += ", and nothing in Zuora went round it unexplained"
    if earlier := package.open_before:
        said += (
            f"; {STILL_OPEN.format(count(earlier, 'exception'), 'is' if earlier == 1 else 'are')}"
        )
    histories = {
        Shade.BAD: "is not whole",
        Shade.UNKNOWN: "is whole since an older copy was put back",
    }
    if number_open := len(package.not_confirmed):
        said += f"; {count(number_open, 'change')} of the policy {'is' if number_open == 1 else 'are'} not confirmed"
    history = histories.get(shades["Chain"], "is whole")
    others = [
        f"{words}: {listed(names)}."
        for words, shade in (("Not as it should be", Shade.BAD), ("Not known", Shade.UNKNOWN))
        if (
            names := [
                each.name for each in found if each.shade is shade and each[:2] != SAID_ALREADY
            ]
        )
    ]
    return " ".join([f"{said}. The history {history}.", *others])


def lights(package: Package) -> Iterator[Light]:
    """Yield the lights: chain, anchors, control, Zuora, Slack."""
    found = [(Flaw(each["what"]), each["words"]) for each in package.made["findings"]]
    chain = [words for flaw, words in found if flaw not in CONTROL | ANCHORS]
    if rows := package.damaged:
        chain.append(
            DAMAGED.format(
                count(len(rows), "row"),
                "is" if len(rows) == 1 else "are",
                some([*map(str, rows)], MOST_NAMED),
            )
        )
    control = [words for flaw, words in found if flaw in CONTROL]
    right = f"{package.made['rows']:,} rows of the whole history fit"
    if (rows := package.put_back) and not chain:
        yield Light(
            "Chain",
            Shade.UNKNOWN,
            f"{right}; {PUT_BACK.format(listed([str(each) for each in rows]))}",
        )
    else:
        yield _of("Chain", chain, right)
    yield _anchors(package, [words for flaw, words in found if flaw in ANCHORS])
    performed = f"performed again for {count(package.about['requests'], 'request')}, and held"
    control += [
        f"{person(each)} says that {denial(each)} is not theirs (row {each.sequence})."
        for each in package.denied
    ]
    yield _control(package, control, performed)
    yield _zuora(package)
    yield slack_light(package.slack)


def _control(package: Package, wrong: list[str], performed: str) -> Light:
    notes = [each.words for each in package.changes.left(package.about["first"] - 1)]
    notes += package.left_open
    if wrong or not (package.not_confirmed or package.left_open):
        return _of(
            "Control",
            [*wrong, *(f"{_capital(words)}." for words in notes)] if wrong else [],
            "; ".join([performed, *notes]),
        )
    return Light("Control", Shade.UNKNOWN, f"{performed}; but {'; '.join(notes)}")


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _of(name: str, wrong: list[str], right: str) -> Light:
    return Light(name, Shade.BAD if wrong else Shade.GOOD, " ".join(wrong) or right)


def _anchors(package: Package, wrong: list[str]) -> Light:
    heads = [each for each in package.entries("heads.jsonl") if each.what == "audit.head"]
    left = Counter(
        each.data.get("where", "where is not known")
        for each in package.entries("heads.jsonl")
        if each.what == "audit.anchored"
    )
    named = {each.sequence for each in heads if each.data.get("channel")}
    waiting = named & {*package.made.get("heads_not_taken", ())}
    left["channel"] = len(named - waiting)
    if wrong:
        return Light("Anchors", Shade.BAD, " ".join(wrong))
    refused = f"; Slack has not taken {len(waiting):,} for the audit channel" if waiting else ""
    if not left.total():
        words = "no head was left outside the database: whoever can write it can rebuild it unseen"
        words += refused
        return Light("Anchors", Shade.UNKNOWN, words)
    bare = sum(not each.data.get("signature") for each in heads)
    signed = f"{bare:,} of them not signed" if bare else "signed"
    places = ", ".join(f"{number} ({where})" for where, number in sorted(left.items()) if number)
    words = f"{count(len(heads), 'head')}, {signed}; left outside the database: {places}{refused}"
    shade = Shade.UNKNOWN if bare or waiting else Shade.GOOD
    return Light("Anchors", shade, f"{words}; compare those you hold with verify --heads")


def _zuora(package: Package) -> Light:
    why = package.not_compared
    if open_ := package.unexplained:
        words = f"{count(open_, 'thing')} done outside the bot and not explained"
        return Light("Zuora", Shade.BAD, f"{words}. {why}" if why else words)
    if why:
        return Light("Zuora", Shade.UNKNOWN, why)
    return Light("Zuora", Shade.GOOD, "everything there was done by the bot, or is explained")


def slack_light(found: Json) -> Light:
    """Return what reading Slack gave, in words."""
    if found["status"] != "done":
        return Light("Slack", Shade.UNKNOWN, found["why"])
    if not found["cards"] and not found["missing"]:
        return Light("Slack", Shade.UNKNOWN, NO_CARD)
    changed = dict.fromkeys(each["request"] for each in found["changed"])
    wrong = [
        f"{words} {', '.join(requests)}"
        for words, requests in (
            ("cards are gone:", found["missing"]),
            ("messages are gone from the threads of", found["threads"]),
            ("messages differ from what was sent:", changed),
        )
        if requests
    ]
    right = (
        f"{count(found['cards'], 'card')} and {count(found['threads_read'], 'thread')} read from {found['address']}: all "
        "are as they were sent"
    )
    return _of("Slack", ["; ".join(wrong)] if wrong else [], right)
