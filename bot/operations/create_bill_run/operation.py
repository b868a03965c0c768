"""The operation: its parts, put together in the shape that every operation has."""

from types import MappingProxyType
from typing import Any

from bot.domain.billed import Billed
from bot.domain.call import Call
from bot.domain.check import Check
from bot.domain.mailing import Mailing
from bot.domain.operation import Deed, OperationName
from bot.domain.summary import Summary
from bot.domain.words import Line
from bot.operations.beginning import Estimated, Followed, Foreseen
from bot.operations.create_bill_run import estimating, finding, following, reading, words
from bot.operations.create_bill_run.body import CreateBillRunBody, wire
from bot.operations.create_bill_run.checking import all_checked
from bot.operations.create_bill_run.facts import CreateFacts
from bot.operations.create_bill_run.summary import summary
from bot.operations.kinds import KindTotals
from bot.operations.operation import LastTime
from bot.operations.progress import Progress, Settlement
from bot.operations.typed import Problems, Values
from bot.zuora.answers import Answer
from bot.zuora.client import ZuoraClient
from bot.zuora.effects import Prepared


class CreateBillRun(
    Followed[CreateBillRunBody, CreateFacts], Estimated[CreateBillRunBody, CreateFacts]
):
    """Create a bill run, and follow it until it has ended."""

    name = OperationName.CREATE_BILL_RUN
    deed = Deed.CREATED
    unsent = frozenset({"account"})  # its id is sent
    last_time = LastTime.WHAT_IT_BILLED
    short = "create bill run"
    counted_as = "Bill runs"
    form = "ask:bill_run"
    asking = None
    body_type = CreateBillRunBody
    facts_type = CreateFacts
    field = "scope"
    done = "Created"
    by_itself = MappingProxyType({Deed.POSTED: "auto_post", Deed.MAILED: "auto_email"})

    @classmethod
    def read(cls, values: Values) -> CreateBillRunBody | Problems:
        """Read everything in the form; see `reading`."""
        return reading.read(values)

    @classmethod
    async def look_up(cls, body: CreateBillRunBody, zuora: ZuoraClient) -> CreateFacts | Problems:
        """Read accounts, subscriptions, rules, other runs and an account's estimate; see `finding`."""
        return await finding.find(body, zuora)

    def material(self) -> dict[str, Any]:
        """Return whom it bills and what else bills them."""
        return self.facts.material()

    def differs(self, now: CreateFacts) -> list[str]:
        """Compare the account, the subscriptions' versions and the other runs."""
        return self.facts.differs(now)

    def checked(self) -> tuple[Check, ...]:
        """Return the scope, what else is billed there, and what Zuora allows."""
        return tuple(all_checked(self.body, self.facts))

    def sends(self) -> bool:
        """Return whether mails can follow; posting can mail through Zuora's notifications, and `autoEmail` does."""
        return self.body.auto_post or self.body.auto_email

    def bills(self) -> Billed:
        """Return batches, an account, or its subscriptions."""
        account = self.facts.account
        if account is None:
            batches = frozenset(self.body.batches)
            return Billed(batches=batches, bill_cycle_day=self.body.bill_cycle_day)
        return Billed(
            account=account.id,
            account_number=account.number,
            in_batch=account.batch,
            own_day=account.bill_cycle_day,
            subscriptions=frozenset(each.number for each in self.facts.subscriptions),
        )

    def mailings(self) -> tuple[Mailing, ...]:
        """Return one mailing for everything that the run will hold, if it mails; its number is not known yet."""
        if not self.body.auto_email:
            return ()
        return (Mailing(self.subject(), "auto", "", "", "", "", ""),)

    def kinds(self) -> tuple[KindTotals, ...]:
        """Return nothing, because it has made nothing yet."""
        return ()

    def typed(self) -> tuple[str, ...]:
        """Return nothing, because no other operation could be about what was typed."""
        return ()

    def subject(self) -> str:
        """Return what it bills, because it has no number before it exists."""
        return words.subject(self.body, self.facts)

    def act(self, call: Call, zuora: ZuoraClient) -> Prepared:
        """Create it under a unique name, with the ids that were approved."""
        return zuora.create_bill_run(
            wire(
                self.body,
                name=following.unique_name(self.body, call),
                account_id=self.facts.account.id if self.facts.account else "",
                subscription_ids=tuple(each.id for each in self.facts.subscriptions),
            ),
            track_id=call.track_id,
            idempotency_key=call.key,
        )

    def begun(self, answer: Answer) -> Progress:
        """Return the run that was created."""
        return following.begun(answer, self.facts.time_zone)

    async def look(self, progress: Progress, zuora: ZuoraClient) -> Progress:
        """Look with one call; counts and totals are read when it has ended."""
        return await following.look(self.body, progress, zuora)

    async def settle(self, call: Call, zuora: ZuoraClient) -> Settlement | None:
        """Prove it by a run with the name that was sent; that there is none (yet) proves nothing."""
        run = await following.named(following.unique_name(self.body, call), call, zuora)
        if run is None:
            return None
        return Settlement(
            accepted=True,
            words=f"Zuora has the bill run {run.number} of the name that was sent",
            progress=following.first_progress(run),
        )

    def foresees(self) -> bool:
        """Return whether Zuora previews it in the background, as it does batches."""
        return estimating.of_batches(self.body) is not None

    async def begin_estimate(self, key: str, zuora: ZuoraClient) -> str:
        """Begin a preview run; return its id."""
        wanted = estimating.of_batches(self.body)
        return await zuora.begin_preview_run(wanted, key=key) if wanted else ""

    async def estimate(self, begun: str, zuora: ZuoraClient) -> Foreseen:
        """Look at the preview run once; see `estimating`."""
        return await estimating.look(self.body, begun, zuora)

    def title(self) -> str:
        """Return `create bill run "November" for Batch1 and Batch2`."""
        name = f' "{self.body.name}"' if self.body.name else ""
        kind = "scheduled bill run" if self.body.is_scheduled else "bill run"
        return f"create {kind}{name} for {words.scope(self.body, self.facts)}"

    def summary(self) -> Summary:
        """Return what an approver must know at a glance."""
        return summary(self.body, self.facts)

    def lines(self) -> tuple[Line, ...]:
        """Return what a controller decides on."""
        return words.lines(self.body, self.facts)

    def effect(self) -> str:
        """Return `create a bill run for 2 batches`."""
        return words.effect(self.body, self.facts)

    def warning(self) -> str:
        """Return what then happens without another approval, or that nothing does."""
        return words.follows_by_itself(self.body)

    def accepted(self) -> str:
        """Return that it was created, and what the bot follows."""
        schedule = self.body.schedule
        if schedule and schedule.repeat_type != "None":
            later = "Its first run is followed here; every later one is another run in Zuora."
        else:
            later = "The bot follows it here until it ends."
        return f"Zuora created the bill run for {words.counted(self.body, self.facts)}. {later}"
