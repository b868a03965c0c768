"""Who did something in Zuora, as far as Zuora says: no record names the user of a posting, a cancelation or a mail."""

from datetime import datetime

from bot.store.times import to_text

CREATED = "Zuora names this user as the creator"
CHANGED = (
    "Zuora names only who changed it last{}; a later change by somebody else hides who did this"
)
NOBODY = "Zuora names nobody"
MAIL = "Zuora's history of mails names nobody; in Zuora itself ask those whose role may mail"


def creator(user: str) -> dict[str, str]:
    """Return the id of the user who created it, and how that is known."""
    return {"who": user, "known_from": CREATED if user else NOBODY}


def last_to_change(user: str, at: datetime | None = None) -> dict[str, str]:
    """Return the id of the user who changed it last, and that this need not be who did it."""
    when = f" ({to_text(at)[:19].replace('T', ' ')} UTC)" if at else ""
    return {"who": user, "known_from": CHANGED.format(when) if user else NOBODY}


def mailer() -> dict[str, str]:
    """Return that nobody is known to have sent a mail."""
    return {"who": "", "known_from": MAIL}
