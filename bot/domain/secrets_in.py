"""What no log line and no message may repeat: tokens and mail addresses, found by their shape. No I/O."""

import re
from typing import Final

MAIL_ADDRESS: Final = re.compile(r"[^\s@<>\"',;:()|\[\]]+@[^\s@<>\"',;:()|\[\]]+")
_TOKEN: Final = re.compile(r"(?i)\b(?:xox[a-z]|xapp)[-.][\w.-]+|\bbearer\s+\S+")


def without_secrets(text: str) -> str:
    """Return a text with `[token]` and `[mail address]` in place of what looks like one."""
    return MAIL_ADDRESS.sub("[mail address]", _TOKEN.sub("[token]", text))
