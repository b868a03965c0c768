"""How the kinds of messages differ in sending: which are looked for, merged, or dropped, and by which methods they go."""

from bot.domain.message import MessageKind
from bot.store.outgoing import Outgoing

LOOKED_FOR = frozenset(
    {
        MessageKind.CARD,
        MessageKind.REPLY,
        MessageKind.REMINDER,
        MessageKind.PROGRESS,
        MessageKind.FILE,
        MessageKind.NOTICE,
        MessageKind.DIRECT,
    }
)
"""Messages that would be shown twice if they were sent twice."""

DRAWN = frozenset({MessageKind.UPDATE, MessageKind.NOTICE})
"""Messages whose words can be drawn when they are sent, and are written down then; of the notices these are receipts."""

EDITS = frozenset({MessageKind.UPDATE, MessageKind.PRIVATE})

REPLACED = (MessageKind.UPDATE, MessageKind.PROGRESS, MessageKind.HOME)
"""Messages of which only the newest is sent."""

FLEETING = frozenset({MessageKind.PRIVATE, MessageKind.HOME})
"""Messages that are no longer needed once Slack has refused them."""

METHODS = {
    MessageKind.PRIVATE: ("chat.postEphemeral",),
    MessageKind.UPDATE: ("chat.update",),
    MessageKind.HOME: ("views.publish",),
    MessageKind.FILE: ("files.getUploadURLExternal", "files.completeUploadExternal"),
}
"""The Web API methods for kinds of messages that do not use `chat.postMessage`."""

LOOKS = frozenset({"conversations.history", "conversations.replies"})
"""The methods that look for a message whose answer was lost."""


def may_stand_there(outgoing: Outgoing) -> bool:
    """Return whether a message was sent before and would be shown twice if sent again."""
    return outgoing.tries > 0 and outgoing.message.kind in LOOKED_FOR
