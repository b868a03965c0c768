"""What is asked for in the story: thirty requests of all operations, each about something else."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.operation import OperationName
from bot.operations.asking import SlashCommand
from bot.operations.catalog import OPERATIONS, STEPS
from bot.operations.on_run import legal_steps
from bot.operations.operation import Operation
from bot.sandbox.zuora import World
from tests.operations.examples import EXAMPLES

POLICY = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
approvers = ["S0CONTROLLERS"]
operations = ["email_credit_memo"]
expires_after = "1m"

[[rule]]
approvers = ["S0CONTROLLERS"]
remind_after = ["1m", "2m"]
"""
"""Requests to email credit memos expire before anybody decides; all others get reminders."""

REMINDERS = 2
FIRST = 101


class Fate(StrEnum):
    """What people decide."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


@dataclass(frozen=True)
class Wanted:
    """One request that somebody will ask for.

    Attributes:
        operation: Its name.
        command: What is typed.
        subject: Stands on the card of this request and on no other.
        fate: What is decided.
        step: Name of the button of the bill run's private card that opens the form; or empty.
        rival: What another request that is asked for at the same time mails too; empty for nothing.
    """

    operation: str
    command: str
    subject: str
    fate: Fate
    step: str = ""
    rival: str = ""

    @property
    def first_word(self) -> str:
        """The first number that is typed, which the form for it shows too."""
        return self.command.split()[1].rpartition("=")[2]


Maker = Callable[[World, int], Wanted]


def _mail_a_run(world: World, number: int) -> Wanted:
    run = _run(world, number, "Posted")
    return Wanted("email_bill_run", f"/billemail {run}", run, Fate.APPROVE)


def _step(name: str) -> Maker:
    """An operation on a bill run, by the button of the run's card, in a state that allows it."""
    status = next(each for each in ENDED if name in legal_steps(each, posted=0, run_type="Regular"))

    def made(world: World, number: int) -> Wanted:
        run = _run(world, number, status)
        return Wanted(name, f"/billrun {run}", run, Fate.APPROVE, f"run:{name}")

    return made


def _command(operation: Operation, command: SlashCommand) -> Maker:
    """An operation whose form has its own command, for its example."""

    def made(world: World, _number: int) -> Wanted:
        subject = EXAMPLES[operation.name].typed(world)[operation.field]
        return Wanted(operation.name, f"{command.name} {subject}", subject, Fate.APPROVE)

    return made


def _create(world: World, number: int) -> Wanted:
    account = f"A{number:08d}"
    world.add_account(account)
    world.add_subscription(account, "100.00")
    command = f'/billrun account={account} target=2026-11-30 name="Run {account}"'
    return Wanted("create_bill_run", command, f"Run {account}", Fate.APPROVE)


def _mail_invoice(world: World, number: int) -> Wanted:
    invoice = world.add_invoice(f"A{number:08d}", "USD", "10.00", number=f"INV{number:08d}").number
    return Wanted("email_invoice", f"/billemail {invoice}", invoice, Fate.APPROVE)


def _mail_invoices(world: World, number: int) -> Wanted:
    """Several documents in one request; how many is what distinguishes its card from others."""
    account = f"A{number:08d}"
    found = [
        world.add_invoice(account, "USD", "10.00", number=f"INV{number:06d}{each:02d}").number
        for each in range(number - FIRST + 2)
    ]
    subject = f"email {len(found)} invoices"
    return Wanted("email_invoice", f"/billemail {' '.join(found)}", subject, Fate.APPROVE)


def _mail_debit_memo(world: World, number: int) -> Wanted:
    memo = world.add_debit_memo(f"A{number:08d}", "USD", "10.00", number=f"DM{number:08d}").number
    return Wanted("email_debit_memo", f"/billemail {memo}", memo, Fate.APPROVE)


def _mail_credit_memo(world: World, number: int) -> Wanted:
    memo = world.add_credit_memo(f"A{number:08d}", "USD", "10.00", number=f"CM{number:08d}").number
    return Wanted("email_credit_memo", f"/billemail {memo}", memo, Fate.EXPIRE)


def _mail_mixed(world: World, number: int) -> Wanted:
    """Invoices and a debit memo in one request; how many is what distinguishes its card from others.

    No credit memo: what waits for one expires after a minute here.
    """
    account = f"A{number:08d}"
    found = [
        world.add_invoice(account, "USD", "10.00", number=f"INV{number:06d}{each:02d}").number
        for each in range(number - FIRST + 2)
    ]
    found.append(world.add_debit_memo(account, "USD", "4.00", number=f"DM{number:08d}").number)
    subject = f"email {len(found) - 1} invoices and 1 debit memo"
    return Wanted("email_mixed_list", f"/billemail {' '.join(found)}", subject, Fate.APPROVE)


def _run(world: World, number: int, status: str) -> str:
    account = f"A{number:08d}"
    invoices = [(account, "USD", "100.00"), (account, "USD", "7.50")]
    return world.add_bill_run(
        f"BR-{number:08d}", status=status, invoices=invoices, batches=["Batch2"]
    ).number


ENDED = ("Completed", "Posted", "Canceled", "Error")
STEP_TIMES: dict[str, int] = {OperationName.POST_BILL_RUN: 5, OperationName.CANCEL_BILL_RUN: 4}
MAKERS: tuple[tuple[Maker, int], ...] = (
    (_mail_a_run, 6),
    *((_step(name), STEP_TIMES.get(name, 1)) for name, step in STEPS.items() if step.asking),
    *(
        (_command(each, each.asking.command), 1)
        for each in OPERATIONS.values()
        if each.asking and each.asking.command and each.name in EXAMPLES
    ),
    (_create, 5),
    (_mail_invoice, 3),
    (_mail_invoices, 2),
    (_mail_debit_memo, 3),
    (_mail_credit_memo, 2),
    (_mail_mixed, 1),
)
"""How many of each. What a run's button or its own command asks for is here by itself."""

PAIRS = 4
"""So many bill runs are mailed while one of their documents is asked for alone, in either order."""

ASKED = sum(times for _, times in MAKERS) + PAIRS
DECIDED_OTHERWISE = {4: Fate.REJECT, 11: Fate.WITHDRAW, 17: Fate.REJECT, 23: Fate.WITHDRAW}


def plan_of(world: World) -> frozenset[str]:
    """The operations that are asked for."""
    return frozenset(maker(world, FIRST + at).operation for at, (maker, _) in enumerate(MAKERS))


def plan(world: World, chance: random.Random) -> list[Wanted]:
    """Everything that will be asked for, in an order by chance; the world holds what it is about."""
    makers = [maker for maker, times in MAKERS for _ in range(times)]
    chance.shuffle(makers)
    wanted = [maker(world, FIRST + place) for place, maker in enumerate(makers)]
    decided = [replace(each, fate=_fate(each, place)) for place, each in enumerate(wanted)]
    return _with_rivals(world, decided, chance)


def _with_rivals(world: World, decided: list[Wanted], chance: random.Random) -> list[Wanted]:
    """Some of the runs beside one of their documents, which another person asks for."""
    runs = [
        each
        for each in decided
        if each.operation == OperationName.EMAIL_BILL_RUN and each.fate is Fate.APPROVE
    ]
    found: list[Wanted] = []
    for each in decided:
        if each not in runs[:PAIRS]:
            found.append(each)
            continue
        one = chance.choice(world.documents_of(world.bill_runs[each.subject])).number
        alone = Wanted(
            OperationName.EMAIL_INVOICE, f"/billemail {one}", one, Fate.APPROVE, rival=each.subject
        )
        pair = [replace(each, rival=one), alone]
        chance.shuffle(pair)
        found += pair
    return found


def _fate(wanted: Wanted, place: int) -> Fate:
    return DECIDED_OTHERWISE.get(place, wanted.fate) if wanted.fate is Fate.APPROVE else wanted.fate
