"""Handles submitted forms: asks for what they want, and answers in the form or later."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import refusals
from bot.domain.authority import Person, Refusal, may_ask
from bot.domain.request import Request
from bot.domain.words import Part, one_below_the_other
from bot.operations.typed import Problems, Values
from bot.slack import form_payloads, reading
from bot.slack.answering import COULD_NOT_RECORD, SECONDS_FOR_ZUORA, Answering, not_recorded
from bot.slack.asked import NoteForACrash, asked, channel_of
from bot.slack.drawing import Drawing
from bot.slack.errors import NO_ANSWER
from bot.slack.files import CannotReadFileError, read_list
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm, origin_of
from bot.slack.forms.catalog import Forms
from bot.slack.forms.document_fields import FILE, LISTED, NOTE
from bot.slack.meaning import meant_or_why
from bot.slack.naming import with_kinds
from bot.slack.reading import Readings
from bot.store.errors import CouldNotRecordError, NotKnownWhetherRecordedError
from bot.workflow.ask import Refused, ask
from bot.workflow.ready import Asker
from bot.workflow.refused import record_refusal
from bot.zuora.progress import HowFar, watched

CARRIED_NO_MORE = Problems(
    {"": "This form's list was kept for a week and is gone. Close the form and open a new one."}
)
SAVED_NOTHING = "Nothing was saved."
LONGEST_LIST = 2_900
"""How many characters of a list of problems are shown; Slack takes 3,000 in a paragraph."""

STOPPED = Problems({"": "Reading was stopped. Submit again to start over."})


@dataclass(frozen=True, slots=True)
class NotMeant:
    """The form says that it continues a request, but no longer means the stored one."""

    why: tuple[Part, ...]


AskingOutcome = tuple[Request, ...] | Problems | Refused | NotMeant | CouldNotRecordError


def register(app: AsyncApp, answering: Answering, forms: Forms) -> None:
    """Connect every form of the catalog."""
    readings = Readings(answering)
    readings.register(app)
    for form in forms.values():
        _register_form(app, answering, readings, form)


def _register_form(app: AsyncApp, answering: Answering, readings: Readings, form: AskForm) -> None:
    @app.view(form.callback_id)
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _submitted(answering, ack, readings, form, form_payloads.submission(body))


async def _submitted(
    answering: Answering,
    ack: AsyncAck,
    readings: Readings,
    form: AskForm,
    submission: form_payloads.Submission,
) -> None:
    requesters = answering.parts.rules.policy.requesters
    person = await answering.people.person(submission.actor, requesters)
    asking = _Asking(answering, form, submission, person)
    progress, note = HowFar(), NoteForACrash(answering.parts, submission)
    work = answering.keep(watched(progress, asking.ask(note.saved)))
    done, _ = await asyncio.wait({work}, timeout=SECONDS_FOR_ZUORA)
    if done:
        await asking.answer(ack, work.result())
        return
    try:
        note.write()
    except CouldNotRecordError:  # the same form, submitted again, asks once
        await asking.answer(ack, await _given_up(work, note))
        return
    await ack(response_action="update", view=reading.view(progress))
    ended = readings.ended(submission.view_id, work, progress)
    answering.keep(asking.answer_late(ended, note))


async def _given_up(work: asyncio.Task[AskingOutcome], note: NoteForACrash) -> AskingOutcome:
    """End the reading of a form, and return its outcome; it may have been saved at this very moment."""
    work.cancel()
    await asyncio.wait({work})
    if not work.cancelled():
        return work.result()
    return note.requests or CouldNotRecordError("the note for a crash could not be written")


@dataclass(frozen=True, slots=True)
class _Asking:
    """One form that one person submitted."""

    answering: Answering
    form: AskForm
    submission: form_payloads.Submission
    person: Person

    async def ask(self, once_saved: Callable[[tuple[Request, ...]], None]) -> AskingOutcome:
        """Ask for what was submitted, and return the outcome."""
        parts, submission, person = self.answering.parts, self.submission, self.person
        if refusal := may_ask(person, parts.rules.policy):  # before a word about what was typed
            try:
                name = self.form.callback_id
                record_refusal(parts.store, person, refusal, name, parts.clock.now())
            except CouldNotRecordError as error:
                return error
            return Refused(refusal)
        parent, why = self._parent()
        if why:
            return NotMeant(why)
        known = await self._known()
        wanted = (
            known
            if isinstance(known, Problems)
            else await asyncio.to_thread(self.form.wanted, known)
        )
        reason = str(submission.values.get("reason") or "")
        if isinstance(wanted, Problems):
            missing = {} if reason.strip() else {"reason": "Say why, for the person who approves."}
            if wanted.by_line:
                found = one_below_the_other(wanted.by_line, LONGEST_LIST)
                await self.answering.say(channel_of(parts, submission), submission.actor, *found)
            return Problems({**wanted.by_field, **missing})
        asker = Asker(
            person=person,
            form_id=f"{submission.actor.team_id}:{submission.view_id}",
            reason=reason,
            parent=parent,
            form_name=self.form.callback_id,
            once_saved=once_saved,
        )
        try:
            saved = await ask(parts, wanted, asker)
        except CouldNotRecordError as error:
            return error
        if (
            isinstance(saved, tuple)
            and not isinstance(known, Problems)
            and (said := known.get(NOTE))
        ):
            await self.answering.say(channel_of(parts, submission), submission.actor, said)
        return saved

    async def _known(self) -> Values | Problems:
        """Return the submitted values with those that the form carries, after reading the file and asking Zuora."""
        answering, form, submission = self.answering, self.form, self.submission
        parts, origin = answering.parts, origin_of(submission.metadata)
        values: Values = submission.values
        if carries := form.carries(values):
            kept = Drawing.by(parts, submission.actor.user_id).values_of(origin, {})
            if origin.draft and not kept:
                return CARRIED_NO_MORE
            values = {**{name: kept[name] for name in carries if name in kept}, **values}
        if file := form.file_of(values):
            teams = {submission.actor.team_id, answering.people.team_id}
            try:
                values = {**values, LISTED: await read_list(answering.client, file, teams)}
            except CannotReadFileError as error:
                return Problems({FILE: str(error)})
        return await with_kinds(parts.tenancy, form, values)

    def _parent(self) -> tuple[int | None, tuple[Part, ...]]:
        """Return the number of the request that the form continues, and why the form no longer means it."""
        parts, submission = self.answering.parts, self.submission
        name = origin_of(submission.metadata).continues
        if name is None or parts.store.meant(name)[1] is Refusal.NO_SUCH_REQUEST:
            return None, ()  # a form may name a request that never was
        request, why = meant_or_why(parts, name, submission.actor, "form of another request")
        return request.number if request else None, why

    async def answer(self, ack: AsyncAck, outcome: AskingOutcome) -> None:
        """Answer in the form itself, while Slack still waits for it."""
        submission = self.submission
        match self._as_read(outcome):
            case Problems(others=others) as found if others:
                view = self._with_problems(found)
                await ack(response_action="update", view=view)
            case Problems(by_field):
                known = {
                    name: words for name, words in by_field.items() if name in submission.values
                }
                other = [words for name, words in by_field.items() if name not in submission.values]
                if not submission.values:
                    await ack(
                        response_action="update", view=fields.notice("Nothing was saved", *other)
                    )
                    return
                if other:  # a message needs a field to be shown at
                    first = next(iter(submission.values))
                    known[first] = " ".join([*([known[first]] if first in known else []), *other])
                await ack(response_action="errors", errors=known)
            case tuple() as requests:
                await ack(response_action="clear")  # also a form below it, which led here
                await self._say_where(requests)
            case _:
                view = fields.notice(_title(outcome), *self._why_not(outcome))
                await ack(response_action="update", view=view)

    async def answer_late(
        self, ended: Awaitable[AskingOutcome | None], note: NoteForACrash
    ) -> None:
        """Answer by changing the view, or privately if it was closed meanwhile, so that nothing is lost."""
        outcome = self._as_read(await ended or STOPPED)
        submission = self.submission
        match outcome:
            case Problems(by_field):
                said = " ".join(by_field.values())
                prefix = "" if SAVED_NOTHING in said else f"{SAVED_NOTHING} "
                words: tuple[Part, ...] = (prefix, said)
                view = self._with_problems(outcome)
            case tuple():
                words = asked(outcome)
                view = fields.notice("Asked for approval", *words)
            case _:
                words = self._why_not(outcome)
                view = fields.notice(_title(outcome), *words)
        try:
            await self.answering.client.views_update(view_id=submission.view_id, view=view)
        except NO_ANSWER:
            channel = channel_of(self.answering.parts, submission)
            await self.answering.say_now(channel, submission.actor, *words)
        note.take_back()  # last: whatever failed above, the person gets an answer

    def _as_read(self, outcome: AskingOutcome) -> AskingOutcome:
        """Return the outcome with its times in the reader's zone, because Slack formats none at a field."""
        return outcome.in_zone(self.person.zone) if isinstance(outcome, Problems) else outcome

    def _with_problems(self, found: Problems) -> fields.View:
        """Return the form as it was submitted, with its problems and a button for the documents without any."""
        form, submission = self.form, self.submission
        origin = origin_of(submission.metadata)
        drawing = Drawing.by(self.answering.parts, submission.actor.user_id)
        try:
            values = form.submitted(drawing.values_of(origin, submission.values))
            view = drawing.drawn(form, values, origin, found.by_field)
            return drawing.with_others(view, values, found.others) if found.others else view
        except CouldNotRecordError:
            return fields.notice("Nothing was saved", " ".join(found.by_field.values()))

    async def _say_where(self, requests: tuple[Request, ...]) -> None:
        """Say where the card is if the person asked in another channel and does not see it appear."""
        channel = origin_of(self.submission.metadata).channel
        if channel and channel != self.answering.parts.channel:
            await self.answering.say(channel, self.submission.actor, *asked(requests))

    def _why_not(self, outcome: AskingOutcome) -> tuple[Part, ...]:
        match outcome:
            case Refused(refusal):
                return refusals.to_ask(refusal, self.person, self.answering.parts.rules.policy)
            case NotMeant(why):
                return why
            case CouldNotRecordError():
                return (not_recorded(outcome),)
            case _:
                return (COULD_NOT_RECORD,)


def _title(outcome: AskingOutcome) -> str:
    """Return the title of the view if nothing was saved, or if that is not known."""
    is_open = isinstance(outcome, NotKnownWhetherRecordedError)
    return "Not known whether saved" if is_open else "Nothing was saved"
