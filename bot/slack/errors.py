"""The ways in which calls to Slack fail, and what Slack's names for its errors mean."""

from math import isfinite

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

NO_CONNECTION = (aiohttp.ClientError, OSError)
"""What is raised if Slack cannot be reached; a `TimeoutError` is an `OSError`."""

NO_ANSWER = (SlackClientError, *NO_CONNECTION)
"""What a call raises if Slack refuses or cannot be reached."""

GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
MALFORMED = frozenset({
    "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text",
    "too_many_attachments", "invalid_attachments", "markdown_text_conflict", "block_mismatch",
    "metadata_too_large", "invalid_metadata_format", "invalid_metadata_schema", "view_too_large",
    "attachment_payload_limit_exceeded", "invalid_arguments", "invalid_array_arg",
})  # fmt: skip
"""Errors of the message itself, wherever and whenever it is sent (pages *chat.postMessage*, *views.publish*)."""

PASSING = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
LIMITED = frozenset({"ratelimited", "rate_limited"})
NOT_NOW = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
    "accesslimited", "org_login_required", "ekm_access_denied", "team_access_not_granted",
    "two_factor_setup_required",
})  # fmt: skip
"""Errors that mean that the bot may do nothing at all right now."""

NOBODY = frozenset(
    {"channel_not_found", "user_not_found", "user_disabled", "user_not_visible", "cannot_dm_bot"}
)
"""Errors of a direct message that mean that there is nobody who could read it: most often, the person has left."""

ANYWHERE = MALFORMED | PASSING | LIMITED | NOT_NOW
"""Errors that a message would meet wherever it is sent; every other one may be the channel's."""


def name_of(error: SlackApiError) -> str:
    """Return Slack's name for its refusal; an answer that is not Slack's JSON (a gateway's page) counts as passing."""
    answer = error.response.data
    return str(answer.get("error")) if isinstance(answer, dict) else "service_unavailable"


def seconds_to_wait(error: SlackApiError) -> float:
    """Return how long a 429 asks to wait, between 1 s and 10 min; 30 s if it does not say."""
    try:
        seconds = float(error.response.headers.get("Retry-After", ""))
    except (TypeError, ValueError):
        return 30.0
    return min(max(seconds, 1.0), 600.0) if isfinite(seconds) else 30.0


def method_of(error: SlackApiError) -> str:
    """Return the Web API method that refused, such as `chat.postMessage`."""
    return str(error.response.api_url).rstrip("/").rpartition("/")[2]
