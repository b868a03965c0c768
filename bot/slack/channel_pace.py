"""How fast messages may follow each other: one a second in each channel, as Slack asks."""

from bot.domain.clock import Clock
from bot.domain.message import MessageKind
from bot.slack.lanes import EDITS
from bot.store.outgoing import Outgoing

HOME_GAPS = 3
"""A home is drawn at most every three seconds, because Slack allows 100 calls a minute for all."""


class ChannelPace:
    """Gives each message of a channel its turn.

    Args:
        clock: What turns are measured by.
        seconds_a_message: Between two messages to a channel.
    """

    def __init__(self, clock: Clock, seconds_a_message: float) -> None:
        self._clock = clock
        self._gap = seconds_a_message
        self._free_at: dict[str, float] = {}

    def seconds_until(self, outgoing: Outgoing) -> float:
        """Take the channel's next turn, and return how many seconds remain until then; edits and answers never wait."""
        if outgoing.message.kind in EDITS:
            return 0.0
        home = outgoing.message.kind is MessageKind.HOME
        channel = outgoing.lane if home else outgoing.message.channel
        now = self._clock.monotonic()
        free_at = max(now, self._free_at.get(channel, now))
        self._free_at[channel] = free_at + self._gap * (HOME_GAPS if home else 1)
        return free_at - now
