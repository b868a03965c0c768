"""Words for the person who submitted a form: where the requests wait, or that the bot was stopped before."""

import logging
from datetime import timedelta

from bot.cards import lines
from bot.domain.request import Request
from bot.domain.words import Mention, Moment, Part, listed
from bot.slack import form_payloads
from bot.slack.forms.ask_form import origin_of
from bot.store.errors import CouldNotRecordError
from bot.workflow.parts import Parts

logger = logging.getLogger(__name__)

LONGEST_READING = timedelta(minutes=15)
"""If reading for a form takes longer than this without an answer, the bot was stopped while it read."""


class NoteForACrash:
    """What the person sees if the bot stops before the form is answered.

    The note waits in the outbox and is taken out with the answer. The transaction that saves the
    requests changes it to say where they wait, so that nobody asks again and makes a second card.

    Attributes:
        requests: The requests that were saved.
    """

    def __init__(self, parts: Parts, submission: form_payloads.Submission) -> None:
        self._parts = parts
        self._channel = channel_of(parts, submission)
        self._user = submission.actor.user_id
        self._sequence: int | None = None
        self.requests: tuple[Request, ...] = ()

    def write(self) -> None:
        """Save the note.

        Raises:
            CouldNotRecordError: It could not be saved, so nobody would learn of a crash.
        """
        now = self._parts.clock.now()
        words = (
            "Reading Zuora for your form was cut short, so nothing was saved. "
            "If it is still needed, please ask again."
        )
        message = lines.private(self._channel, self._user, words)
        outbox = self._parts.store.outbox
        with self._parts.store.transaction():
            self._sequence = outbox.add(message, now, not_before=now + LONGEST_READING)

    def saved(self, requests: tuple[Request, ...]) -> None:
        """Change the note to say where the requests wait; inside the transaction that saves them."""
        self.requests = requests
        if self._sequence is not None:
            message = lines.private(self._channel, self._user, *asked(requests))
            self._parts.store.outbox.rewrite(self._sequence, message)

    def take_back(self) -> None:
        """Take the note out of the outbox."""
        if self._sequence is None:
            return
        try:
            with self._parts.store.transaction():
                now = self._parts.clock.now()
                self._parts.store.outbox.end(self._sequence, now, outcome="not needed")
        except CouldNotRecordError:
            logger.warning("note_stays_in_the_outbox")


def channel_of(parts: Parts, submission: form_payloads.Submission) -> str:
    """Return the channel where the form was opened, else the one where requests are shown."""
    return origin_of(submission.metadata).channel or parts.channel


def asked(requests: tuple[Request, ...]) -> tuple[Part, ...]:
    """Return where the requests wait, and until when."""
    waits = "waits" if len(requests) == 1 else "wait"
    return (
        f"{listed([request.name for request in requests])} {waits} for approval in ",
        Mention(requests[0].channel),
        " until ",
        Moment(requests[0].expires_at),
        ".",
    )
