"""Whether Slack signed a request; if not, the log says in one word why, and what to look at."""

import hmac
import logging
from collections.abc import Mapping
from time import time

from slack_sdk.signature import SignatureVerifier

from bot.metrics import SIGNATURES_REFUSED

logger = logging.getLogger(__name__)

TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"
LONGEST_TIME = 12  # digits of seconds since 1970
MOST_SECONDS = 300
"""Slack's own advice (page *Verifying requests from Slack*)."""


class Signatures:
    """Checks signatures with a secret that can be replaced while the bot runs."""

    def __init__(self, secret: str) -> None:
        self._verifier = SignatureVerifier(secret)

    def use(self, secret: str) -> None:
        """Check with another secret from now on."""
        self._verifier = SignatureVerifier(secret)

    def are_good(self, headers: Mapping[str, str], text: str) -> bool:
        """Return whether Slack signed this, at most five minutes ago; a refusal is counted and logged."""
        timestamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIME
        if not (is_number and signature and signature.isascii()):
            SIGNATURES_REFUSED.labels("not signed").inc()
            logger.warning("request_is_not_signed: it did not come from Slack")
            return False
        made = self._verifier.generate_signature(timestamp=timestamp, body=text) or ""
        if not hmac.compare_digest(made, signature):
            SIGNATURES_REFUSED.labels("wrong").inc()
            logger.warning(
                "signature_refused: if Slack sent this, SLACK_SIGNING_SECRET is not this app's "
                "(Basic Information, Signing Secret)"
            )
            return False
        age = time() - int(timestamp)
        if abs(age) > MOST_SECONDS:
            SIGNATURES_REFUSED.labels("old").inc()
            logger.warning(
                "signature_is_old: Slack signed this, and the clocks differ; set this machine's clock",
                extra={"seconds": round(age)},
            )
            return False
        return True
