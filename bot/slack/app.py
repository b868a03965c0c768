"""The Bolt app: logs everything that comes, connects the listeners, and answers every error."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.named import named
from bot.following import following
from bot.slack import asking, commands, deciding, more, opening, queue, sent_files, shortcuts
from bot.slack.admission import Identity
from bot.slack.answering import Answering
from bot.slack.forms.catalog import Forms
from bot.slack.holding import answer_click, answer_not_recorded, held
from bot.slack.home import HomeTab
from bot.slack.payloads import mapping, only_action
from bot.status.lists import Links
from bot.store.errors import CouldNotRecordError

logger = logging.getLogger(__name__)

FAULT = "Something went wrong in Billing Bot; its log has the details. Look at the card before you try again."


def make_app(answering: Answering, identity: Identity, *, over_http: bool) -> AsyncApp:
    """Build the app, still without listeners.

    Bolt answers Slack when the listener is done (`process_before_response`). A listener reads the
    payload, lets the workflow write one transaction and returns. That is quicker than Bolt's
    default of looking for the acknowledgement every 10 ms, and what is acknowledged is durable. The
    bot's identity was read at the start, so no click needs `auth.test`. The sender was authenticated
    before Bolt runs, by the WebSocket's address or by the signature (`bot/slack/server.py`).
    """
    client = answering.client

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=identity.organization or None,
            team_id=identity.team_id,
            bot_user_id=identity.bot_user_id,
            bot_id=identity.bot_id,
            bot_token=client.token,
        )

    app = AsyncApp(
        name="billing-bot",  # without a name Bolt reads the source of every caller, and keeps it
        # Without a token of its own: Bolt hands each request a client with the authorized one.
        client=AsyncWebClient(base_url=client.base_url, session=client.session, retry_handlers=[]),
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=over_http,
        # Functions of Slack's workflow builder, which are not used here.
        attaching_function_token_enabled=False,
    )
    app.error(_failed(answering))
    app.middleware(logged)
    app.middleware(held(answering))
    return app


def connect(
    app: AsyncApp, answering: Answering, forms: Forms, links: Links, homes: HomeTab
) -> None:
    """Connect all listeners."""
    deciding.register(app, answering)  # first: Bolt asks one listener after another
    more.register(app, answering, forms, links)
    commands.register(app, answering, forms, links)
    asking.register(app, answering, forms)
    opening.register(app, answering, forms)
    sent_files.register(app, answering, forms)
    shortcuts.register(app, answering, links)
    homes.register(app)
    queue.register(app, answering, links)


def _failed(answering: Answering) -> Callable[..., Awaitable[BoltResponse]]:
    """Return the handler for a listener that failed."""

    async def failed(error: Exception, body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        if isinstance(error, CouldNotRecordError):  # a person who waits for an answer reads why
            return answer_not_recorded(answering, body, error)
        # A fault in the program. Only the listener may see the body.
        logger.error("listener_failed", exc_info=error)
        answer_click(answering, body, FAULT)  # after it was acknowledged, Slack shows nothing
        return ack.response or BoltResponse(status=500, body="")

    return failed


async def logged(req: AsyncBoltRequest, next_: Callable[[], Awaitable[None]]) -> None:
    """Log who did what, never what they typed; later log lines get the number of the request that it names."""
    body = req.body
    what = body.get("command") or body.get("type") or ""
    view, action, event = mapping(body, "view"), only_action(body), mapping(body, "event")
    user = body.get("user_id") or mapping(body, "user").get("id")
    meant = named(_value_of(action) or str(view.get("private_metadata") or ""))
    fields = {
        "kind": what,
        "action": action.get("action_id") or body.get("callback_id") or view.get("callback_id"),
        "event_type": event.get("type"),
        "user": user or event.get("user"),
    }
    with following(meant.number if meant else None):
        logger.info("slack_said", extra={name: value for name, value in fields.items() if value})
        await next_()


def _value_of(action: Mapping[str, Any]) -> str:
    """Return the request that a button or a menu's entry, such as `withdraw R-17.k3f9…`, names."""
    value = action.get("value") or mapping(action, "selected_option").get("value") or ""
    return str(value).rpartition(" ")[2]
