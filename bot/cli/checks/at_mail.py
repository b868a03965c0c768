"""Checks the mail server for heads, if one is set."""

from collections.abc import AsyncIterator

from bot.cli.checks.noticed import Noticed, good, passes
from bot.settings import Settings
from bot.workflow.anchor_mail import Mailbox
from bot.workflow.anchoring import NotLeftError


async def look(found: Settings) -> AsyncIterator[Noticed]:
    """Yield whether the server accepts the bot's login; nothing is mailed."""
    if not found.anchor_mail_to:
        return
    server = found.smtp_url.get_secret_value()
    try:
        await Mailbox(found.anchor_mail_to, found.anchor_mail_from, server).look()
    except NotLeftError as error:
        yield passes("SMTP_URL", str(error), "check the server, the name and the password")
    else:
        yield good("SMTP_URL", f"the server lets the bot in; heads go to {found.anchor_mail_to}")
