"""Slack's numbers, each from its page on docs.slack.dev unless another source is named."""

from typing import Final

ACK_SECONDS: Final = 3.0  # interactivity: an app acknowledges within three seconds
TRIGGER_SECONDS: Final = 3.0  # views.open: a trigger lives three seconds
RESPONSE_URL_USES: Final = 5
RESPONSE_URL_SECONDS: Final = 30 * 60
EVENT_RETRY_SECONDS: Final = (0.0, 60.0, 300.0)  # Events API: at once, one minute, five minutes
SOCKETS: Final = 10  # Socket Mode: connections of one app

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
# Undocumented: github.com/slackapi/bolt-js/issues/2509 measured about 13,200 characters.
BLOCKS_CHARACTERS: Final = 13_200
MESSAGE_TEXT: Final = 40_000  # longer text is cut
UPDATE_TEXT: Final = 4_000  # chat.update: longer text is msg_too_long
METADATA_CHARACTERS: Final = 16_000
VIEW_CHARACTERS: Final = 250_000
VIEW_STACK: Final = 3

SECTION_TEXT: Final = 3000
FIELD_TEXT: Final = 2000
FIELDS: Final = 10
HEADER_TEXT: Final = 150
CONTEXT_ELEMENTS: Final = 10
ACTIONS_ELEMENTS: Final = 25
MARKDOWN_TEXT: Final = 12_000
IDENTIFIER: Final = 255
URL: Final = 3000
BUTTON_TEXT: Final = 75
BUTTON_VALUE: Final = 2000
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
OPTIONS: Final = 100
BOX_OPTIONS: Final = 10
OVERFLOW_OPTIONS: Final = 5
PLACEHOLDER: Final = 150
ACCESSIBILITY_LABEL: Final = 75
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30
INPUT_LABEL: Final = 2000
INPUT_TEXT: Final = 3000
IMAGE_ALT: Final = 2000
IMAGE_TITLE: Final = 2000
VIEW_TITLE: Final = 24
PRIVATE_METADATA: Final = 3000
TABLE_ROWS: Final = 100
TABLE_COLUMNS: Final = 20
TABLE_CHARACTERS: Final = 10_000
DATA_TABLE_ROWS: Final = 101
DATA_TABLE_CHARACTERS: Final = 20_000

# Calls a minute of one method: docs.slack.dev/apis/web-api/rate-limits.
TIER_CALLS: Final = {1: 1, 2: 20, 3: 50, 4: 100}
POST_BURST: Final = 3  # chat.postMessage: one a second per channel, short bursts allowed
