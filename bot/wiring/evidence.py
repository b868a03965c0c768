"""The parts that make evidence: where heads are left, who confirms policy changes, who is in the groups."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp

from bot.settings import Settings
from bot.slack import explaining, receipts
from bot.slack.answering import Answering
from bot.slack.people import People
from bot.wiring.starting import CannotStartError
from bot.workflow.anchor_mail import Mailbox
from bot.workflow.anchoring import Anchors, Folder, Keeper
from bot.workflow.denials import Answers
from bot.workflow.groups import Groups, MembersOfGroups
from bot.workflow.heads import Heads
from bot.workflow.parts import Parts
from bot.workflow.policy_changes import PolicyChanges
from bot.workflow.signing import Signer
from bot.workflow.statements import Statements

logger = logging.getLogger(__name__)


def anchors_of(settings: Settings) -> Anchors:
    """Return where heads are left, and log it if that is nowhere.

    Raises:
        CannotStartError: `ANCHOR_FOLDER` is not a folder.
    """
    places: list[Keeper] = []
    if settings.anchor_folder:
        folder = Path(settings.anchor_folder)
        if not folder.is_dir():
            msg = f"ANCHOR_FOLDER: {folder} is not a folder."
            raise CannotStartError(msg)
        places.append(Folder(folder))
    if settings.timestamp_url:
        from bot.workflow.stamping import Authority  # noqa: PLC0415 - needs 11 MB

        places.append(Authority(settings.timestamp_url))
    if settings.anchor_mail_to:
        server = settings.smtp_url.get_secret_value()
        places.append(Mailbox(settings.anchor_mail_to, settings.anchor_mail_from, server))
    if words := settings.not_anchored:
        logger.info("no_anchor: %s", words)
    signer = signer_of(settings.audit_signing_key)
    return Anchors(settings.audit_channel, tuple(places), signer, settings.anchor_rows)


def signer_of(key: SecretStr) -> Signer | None:
    """Return the signer for a key; None if the key is empty."""
    return Signer(key.get_secret_value()) if key.get_secret_value() else None


def changes_of(parts: Parts, settings: Settings) -> PolicyChanges:
    """Return the part that posts policy changes, in the audit channel if there is one."""
    return PolicyChanges(
        parts.store,
        parts.clock,
        parts.rules,
        channel=settings.audit_channel,
        wake_sender=parts.bells.sender.set,
    )


def answers_of(parts: Parts, settings: Settings) -> Answers:
    """Return the part that takes the answers to receipts and statements."""
    loud = settings.audit_channel, settings.billing_channel
    return Answers(parts.store, parts.clock, loud=loud, wake_sender=parts.bells.sender.set)


def register_evidence(
    app: AsyncApp, answering: Answering, changes: PolicyChanges, answers: Answers
) -> None:
    """Connect the buttons that are evidence themselves."""
    receipts.register(app, answering, answers, changes)
    explaining.register(app, answering)


def loops_of(
    parts: Parts, changes: PolicyChanges, people: People, anchors: Anchors
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """Return the loops that make evidence, by name."""

    def read() -> Awaitable[MembersOfGroups]:
        return people.groups(parts.rules.policy.everybody)  # of the policy at that moment

    store, clock, wake_sender = parts.store, parts.clock, parts.bells.sender.set
    heads = Heads(store, clock, anchors=anchors, wake_sender=wake_sender)
    groups = Groups(store, clock, read)
    statements = Statements(store, clock, wake_sender=wake_sender)
    return {
        "heads": heads.run,
        "policy": changes.run,
        "groups": groups.run,
        "statements": statements.run,
    }
