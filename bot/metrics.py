"""Counts and measurements of the running bot, for `/metrics`.

No label contains a request's or a document's number, or a name.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

SECONDS_TO_ANSWER = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Slack takes an acknowledgement within 3 s."""

ACKS = Histogram(
    "billing_bot_ack_seconds",
    "From the arrival of what Slack sends until it is acknowledged.",
    buckets=SECONDS_TO_ANSWER,
    registry=REGISTRY,
)
MOVES = Counter(
    "billing_bot_request_moves",
    "Moves of requests by this process, by operation and the state they came to.",
    ("operation", "state"),
    registry=REGISTRY,
)
ZUORA_CALLS = Counter(
    "billing_bot_zuora_calls",
    "Calls to Zuora by route and outcome.",
    ("method", "route", "outcome"),
    registry=REGISTRY,
)
ZUORA_LEFT = Gauge(
    "billing_bot_zuora_limit_remaining",
    "What Zuora last said is left of a limit.",
    ("limit",),
    registry=REGISTRY,
)
SLACK_CALLS = Counter(
    "billing_bot_slack_calls",
    "Calls to Slack by method and outcome: ok, Slack's name of the error, or no_answer.",
    ("method", "outcome"),
    registry=REGISTRY,
)
SLACK_CONNECTIONS = Counter(
    "billing_bot_slack_connections_opened",
    "WebSockets that were opened to Slack; each beyond the first is a reconnect.",
    registry=REGISTRY,
)
SIGNATURES_REFUSED = Counter(
    "billing_bot_signatures_refused",
    "Requests at /slack/events that were refused: not signed, wrongly signed, or signed too long ago.",
    ("why",),
    registry=REGISTRY,
)
DENIED = Counter(
    "billing_bot_decisions_denied",
    "Decisions and monthly statements that people denied as not theirs.",
    registry=REGISTRY,
)
LOOP_DELAY = Gauge(
    "billing_bot_event_loop_delay_seconds",
    "The longest delay of the event loop within the last look.",
    registry=REGISTRY,
)
CLOCK_SKEW = Gauge(
    "billing_bot_clock_skew_seconds",
    "How far this machine's clock is ahead of Slack's and of Zuora's.",
    ("whose",),
    registry=REGISTRY,
)
HEADS_NOT_LEFT = Gauge(
    "billing_bot_heads_not_left",
    "How many of the places outside the database (folder, authority, mailbox) did not take the latest head.",
    registry=REGISTRY,
)
