"""Settings of the local Zuora: how long things take, and how the tenant is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

MANUAL_INVOICE = "Manual Email For Invoice"
MANUAL_CREDIT_MEMO = "Manually email Credit Memo"
MANUAL_DEBIT_MEMO = "Manually email Debit Memo"
AUTO_POSTED = "Invoice Posted within a Bill Run of Auto-Post"
POSTED_BY_API = "Invoice Posted via API / Manually"
RUN_COMPLETION = "Bill Run Completion"


@dataclass(frozen=True)
class Timings:
    """Durations in seconds, on the clock passed in."""

    pending: float = 2.0
    processing: float = 6.0
    posting: float = 3.0
    cancelling: float = 2.0
    removing: float = 0.0
    pdf: float = 2.0
    """From an accepted email call to the mail."""
    mail_interval: float = 0.0
    """Between two mails of one bill run."""
    mark: float = 3.0
    """From a mail to lastEmailSentDate, lastEmailSentTime and invoicesEmailed showing it."""
    preview: float = 4.0


@dataclass(frozen=True)
class Knobs:
    """The tenant's settings, and the places where Zuora's documents leave two readings open."""

    keeps_keys: bool = True
    """False: an Idempotency-Key has no effect, and a call that is sent twice is done twice."""
    idempotency_hours: float = 24.0
    idempotency_body_mismatch: Literal["replay", "reject"] = "replay"
    token_seconds: int = 3598
    expires_in: Any = None
    """The value for a token's life in the token call's answer, however odd; None: `token_seconds`."""
    tokens_per_minute: int = 100
    default_version: str = "186.0"
    auto_post_rule: bool = True
    catch_up: bool = False
    multi_org: bool = False
    orgs: frozenset[str] = frozenset()
    """Ids of the organizations that the user may act in; if empty, nothing is checked."""
    orgs_required: bool = False
    """True: every call has to name organizations. No page says that a tenant does so."""
    invoice_settlement: bool = True
    inactive_notifications: frozenset[str] = frozenset({POSTED_BY_API})
    """Names of notifications that are off in every communication profile."""
    inactive_answer: Literal["error", "silent"] = "error"
    """What an email call answers when its notification is not active."""
    muted: bool = False
    """True: every communication profile is muted."""
    attach_pdf: bool = True
    """Whether the notifications that mail documents have *Include … PDF* ticked."""
    unposted_run_email: Literal["error", "accept"] = "error"
    """What emailing a run that is not Posted does; accepted, it mails its posted documents only."""
    settings_allowed: bool = True
    """False: /settings answers 403, as it does to a user without administrator rights."""
    bill_run_by_number: bool = False
    """True: GET, post, cancel and delete of a bill run take a BR number too."""
    post_requires_invoice_date: bool = False
    books_closed_until: date | None = None
    preview_runs: bool = True
    """False: billing preview runs answer 403, as they do to a user without the permission."""
    runs_show_scope: bool = True
    """False: Object Query shows neither account nor batches of a bill run; no page promises them."""
    pending_limit: int = 500
    pending_limit_category: Literal[30, 70] = 30
    max_batch: int = 50
    max_page_size: int = 50
    """Object Query: 50 (the SDK's reading) up to 99 (the pagination guide's)."""
    ignores_filters: bool = False
    """True: Object Query answers with the rows of every run, whatever was asked for."""
    lists_at_most: int | None = None
    """Object Query ends after this many rows and names no next page."""
    repeats_rows: int = 0
    """This many rows of a page are repeated at the beginning of the next one."""
    strict_index: bool = False
    """True: Object Query refuses filters on fields that may be unindexed, such as sourceId."""
    concurrency_limit: int = 40
    object_query_concurrency_limit: int = 80
    calls_per_minute: int = 50_000
    rate_headers: bool = True
    latency: Mapping[str, float] = field(default_factory=dict)
    """Path glob to real seconds that a call takes; the longest glob that matches counts."""
    time_zone: str = "UTC"
    """The tenant's zone; anything but UTC needs the machine's zone files."""

    @property
    def organization(self) -> str | None:
        """Return the organization that accounts are in; None without Multi-Org."""
        return min(self.orgs, default="org-1") if self.multi_org else None

    def zone(self) -> tzinfo:
        """Return the tenant's time zone."""
        return UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)
