"""`Content-Encoding: gzip` for requests: over 1,000 bytes, where the setting says so."""

import pytest

from tests.stage import BOB

MANY = ", ".join(f"somebody.with.a.long.name.{number}@example.com" for number in range(30))


@pytest.mark.parametrize(
    ("setting", "typed", "encoding"),
    [(True, MANY, "gzip"), (True, "a@example.com", None), (False, MANY, None)],
)
async def test_a_long_body_is_compressed_where_the_setting_says_so(stage, setting, typed, encoding):
    stage.changes = {"zuora_gzip": setting}
    await stage.restart()
    stage.zuora.world.add_invoice("A00000001", "USD", "120.50", number="INV00000077")
    await stage.open_form(text="INV00000077")
    await stage.slack.choose("U0ALICE", "form:recipients", "addresses")
    await stage.slack.until(
        lambda: any(
            b.get("block_id") == "email_addresses" for b in stage.slack.view("U0ALICE")["blocks"]
        )
    )
    submitted = await stage.slack.submit("U0ALICE", {"email_addresses": typed, "reason": "x"})
    assert submitted.ok, submitted.errors
    await stage.slack.until(lambda: len(stage.slack.channel_messages("C0BILLING")) == 1)

    await stage.press(BOB, stage.slack.channel_messages("C0BILLING")[0].ts)
    if typed == MANY:  # they do not fit into Slack's question, so a form has them all
        assert (await stage.slack.submit(BOB, {})).ok
    await stage.until(stage.orders)

    (order,) = stage.orders()
    assert order.headers.get("content-encoding") == encoding
    assert order.body["emailAddresses"] == typed.replace(" ", "")
