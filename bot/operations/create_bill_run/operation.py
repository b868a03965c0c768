"""The operation: its pieces, put together in the shape that every operation has."""

from datetime import datetime
from typing import Any

from bot.domain.call import Call
from bot.domain.words import Line
from bot.operations.create_bill_run import estimating, finding, following, reading, words
from bot.operations.create_bill_run.body import CreateBillRunBody, wire
from bot.operations.create_bill_run.facts import CreateFacts
from bot.operations.operation import Form, Operation, Problems, Progress, Settlement
from bot.zuora.answers import Answer
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import OutcomeUnknown


class CreateBillRun(Operation[CreateBillRunBody, CreateFacts]):
    """Create a bill run, and follow it until it has ended."""

    name = "create_bill_run"
    body_type = CreateBillRunBody
    facts_type = CreateFacts
    field = "scope"
    done = "Bill run created"
    follows = True

    def read(self, form: Form) -> CreateBillRunBody | Problems:
        """Everything of the form; see `reading`."""
        return reading.read(form)

    async def facts(self, body: CreateBillRunBody, zuora: ZuoraClient) -> CreateFacts | Problems:
        """Accounts, subscriptions, rules, other runs, an account's estimate; see `finding`."""
        return await finding.find(body, zuora)

    def material(self, body: CreateBillRunBody, facts: CreateFacts) -> dict[str, Any]:  # noqa: ARG002
        """Whom it bills and what else bills them."""
        return facts.material()

    def differs(self, approved: CreateFacts, now: CreateFacts) -> list[str]:
        """Compare the account, the subscriptions' versions and the other runs."""
        return approved.differs(now)

    def sends(self, body: CreateBillRunBody, facts: CreateFacts) -> bool:  # noqa: ARG002
        """Posting can mail customers through Zuora's notifications, and `autoEmail` does."""
        return body.auto_post or body.auto_email

    def subject(self, body: CreateBillRunBody, facts: CreateFacts) -> str:
        """What it bills: it has no number before it exists."""
        return words.subject(body, facts)

    def subjects(self, body: CreateBillRunBody, facts: CreateFacts) -> tuple[str, ...]:
        """One call."""
        return (words.subject(body, facts),)

    async def act(
        self, body: CreateBillRunBody, facts: CreateFacts, call: Call, zuora: ZuoraClient
    ) -> Answer:
        """Create it under a name of its own, with the ids that were approved."""
        answer = await zuora.create_bill_run(
            wire(
                body,
                name=following.unique_name(body, call),
                account_id=facts.account.id if facts.account else "",
                subscription_ids=tuple(each.id for each in facts.subscriptions),
            ),
            track_id=call.track_id,
            idempotency_key=call.key,
        )
        if not following.begun(answer).run_id:  # without an id nothing can be followed
            raise OutcomeUnknown("Zuora said yes and did not say which bill run it made")
        return answer

    def begun(
        self,
        body: CreateBillRunBody,  # noqa: ARG002
        facts: CreateFacts,  # noqa: ARG002
        answer: Answer,
    ) -> Progress:
        """The run that was created."""
        return following.begun(answer)

    async def look(
        self,
        body: CreateBillRunBody,
        facts: CreateFacts,  # noqa: ARG002
        progress: Progress,
        zuora: ZuoraClient,
    ) -> Progress:
        """One call a look; counts and totals are read when it has ended."""
        return await following.look(body, progress, zuora)

    async def settle(
        self,
        body: CreateBillRunBody,
        facts: CreateFacts,  # noqa: ARG002
        call: Call,
        zuora: ZuoraClient,
    ) -> Settlement | None:
        """A run of the name that was sent proves it; that there is none proves nothing."""
        run = await following.named(following.unique_name(body, call), call, zuora)
        if run is None:
            return None
        return Settlement(
            accepted=True,
            words=f"Zuora has the bill run {run.number} of the name that was sent",
            progress=following.first_progress(run),
        )

    def foresees(self, body: CreateBillRunBody) -> bool:
        """Zuora previews batches in the background."""
        return estimating.of_batches(body) is not None

    async def begin_estimate(self, body: CreateBillRunBody, key: str, zuora: ZuoraClient) -> str:
        """Begin a preview run; its id."""
        wanted = estimating.of_batches(body)
        return await zuora.begin_preview_run(wanted, key=key) if wanted else ""

    async def estimate(self, body: CreateBillRunBody, begun: str, zuora: ZuoraClient) -> str:
        """Look at the preview run once; see `estimating`."""
        return await estimating.look(body, begun, zuora)

    def title(self, body: CreateBillRunBody, facts: CreateFacts) -> str:
        """`create bill run "November" for Batch1 and Batch2`."""
        name = f' "{body.name}"' if body.name else ""
        kind = "scheduled bill run" if body.is_scheduled else "bill run"
        return f"create {kind}{name} for {words.scope(body, facts)}"

    def lines(self, body: CreateBillRunBody, facts: CreateFacts) -> tuple[Line, ...]:
        """What a controller decides on."""
        return words.lines(body, facts)

    def effect(self, body: CreateBillRunBody, facts: CreateFacts) -> str:
        """`create a bill run for 2 batches`."""
        return words.effect(body, facts)

    def warning(self, body: CreateBillRunBody, facts: CreateFacts) -> str:  # noqa: ARG002
        """What follows by itself, or that nothing does."""
        return words.follows_by_itself(body)

    def accepted(self, body: CreateBillRunBody, facts: CreateFacts, at: datetime) -> str:  # noqa: ARG002
        """It was created; how it goes on is followed."""
        schedule = body.schedule
        if schedule and schedule.repeat_type != "None":
            later = "Its first run is followed here; every later one is another run in Zuora."
        else:
            later = "It is followed here until it has ended."
        return f"Zuora created the bill run for {words.counted(body, facts)}. {later}"
