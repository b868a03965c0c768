"""What calls to Slack fail with, and what Slack's names for its errors mean."""

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

NO_ANSWER = (SlackClientError, aiohttp.ClientError, OSError, TimeoutError)
"""What a call to Slack fails with: Slack said no, or could not be reached."""

GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
UNREACHABLE = frozenset({"user_not_in_channel", "not_in_channel", "channel_not_found"})
CLOSED = frozenset({"not_in_channel", "channel_not_found", "is_archived"})
"""The bot was not invited to the channel, or it is not there: somebody can mend that."""

MALFORMED = frozenset(
    {"invalid_blocks", "msg_too_long", "msg_blocks_too_long", "invalid_blocks_format"}
)
PASSING = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
NOT_NOW = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked"})


def name_of(error: SlackApiError) -> str:
    """Slack's name for its no; an answer that is not Slack's JSON (a gateway's page) is passing."""
    answer = error.response.data
    return str(answer.get("error")) if isinstance(answer, dict) else "service_unavailable"
