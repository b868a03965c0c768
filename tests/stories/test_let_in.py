"""Zuora refuses the bot's login: one fact for everybody, and nobody's call is refused by it.

Answers are lost, and a secret is rotated while mails are sent.
"""

from collections import Counter
from datetime import timedelta

import pytest

from tests.stage import ALICE
from tests.stories.test_email_many_documents import MAILS, add_invoices, ask, ended, orders_of

TOKEN = "/oauth/token"
REFUSED = "Zuora refused the bot's login (HTTP 401)"


def token_calls(stage):
    return [call for call in stage.zuora.calls if call.path == TOKEN]


def the_token_ends(stage, after=30):
    """Zuora no longer takes the token, from so many mails on."""
    stage.zuora.faults.add(MAILS, kind="unauthorized", times=1, after=after)


def verdicts(stage):
    return Counter(call.verdict for call in stage.store.calls.of(1))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "unauthorized"}, REFUSED),
        ({"kind": "status", "status": 400, "body": {"message": "no"}}, "HTTP 400"),
        ({"kind": "too_many", "rate": True, "retry_after": 60}, "Zuora gives no token just now"),
        ({"kind": "status", "status": 503}, "Zuora gives no token just now"),
    ],
)
async def test_while_no_token_can_be_had_no_mail_counts_as_refused_and_all_wait(stage, fault, said):
    numbers = add_invoices(stage, 120)
    before = len(token_calls(stage))
    the_token_ends(stage)
    stage.zuora.faults.add(TOKEN, times=None, **fault)
    ts = await ask(stage, numbers)

    await stage.until_thread(ts, "went out. The bot keeps trying until")

    assert said in stage.card(ts)
    assert "Waits: " in stage.card(ts)
    assert len(token_calls(stage)) == before + 1  # one call for everybody
    assert verdicts(stage)["rejected"] == 0
    assert said in stage.bot.health()["zuora"]
    for _ in range(20):
        await stage.pass_time(seconds=30)
    assert verdicts(stage)["rejected"] == 0
    assert len(token_calls(stage)) - before < 2 * 20 + 5

    stage.zuora.faults.clear()
    await stage.as_time_passes(lambda: ended(stage), step=5)
    await stage.until_card(ts, "Accepted by Zuora: email 120 invoices")

    assert "Waits: " not in stage.card(ts)
    assert stage.bot.health()["zuora"] == "ready"
    stage.clock.advance(minutes=5)
    assert Counter(mail.document for mail in stage.zuora.mails) == Counter(numbers)


async def test_a_token_that_is_given_and_never_taken_is_no_refusal_of_any_mail(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="unauthorized", times=None, after=20)
    ts = await ask(stage, numbers)

    await stage.until_thread(ts, "went out. The bot keeps trying until")

    assert "Zuora gives a token and refuses it" in stage.card(ts)
    assert verdicts(stage)["rejected"] == 0
    assert len(token_calls(stage)) < 8
    stage.zuora.faults.clear()
    await stage.as_time_passes(lambda: ended(stage), step=5)
    await stage.until_card(ts, "Accepted by Zuora: email 60 invoices")
    assert stage.bot.health()["zuora"] == "ready"


async def test_before_anything_went_out_it_waits_and_the_card_says_what_has_to_be_put_right(stage):
    ts = await stage.ask()
    stage.zuora.client_secret = stage.zuora._service.tokens.client_secret = "rotated"
    stage.zuora.faults.add("/object-query/*", kind="unauthorized")

    await stage.press("U0BOB", ts)
    await stage.until_card(ts, "Waits: Zuora could not be read again: " + REFUSED)

    assert stage.orders() == []
    assert stage.request().state == "approved"
    await stage.restart()  # with the new secret
    await stage.pass_time(seconds=30)
    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 1


async def test_what_is_asked_meanwhile_is_answered_at_once_with_what_has_to_be_put_right(stage):
    stage.zuora.faults.add("/object-query/*", kind="unauthorized")
    stage.zuora.faults.add(TOKEN, kind="unauthorized", times=None)
    before = len(token_calls(stage))

    first = await stage.fill()
    second = await stage.fill()

    for submitted in (first, second):
        assert REFUSED in submitted.errors["bill_run"]
    assert len(token_calls(stage)) == before + 1
    assert stage.slack.view(ALICE) is not None


async def test_that_zuora_lets_the_bot_in_again_is_known_although_nobody_asks(stage):
    stage.zuora.faults.add("/object-query/*", kind="unauthorized")
    stage.zuora.faults.add(TOKEN, kind="unauthorized", times=2)
    await stage.fill()
    assert REFUSED in stage.bot.health()["zuora"]

    await stage.as_time_passes(lambda: stage.bot.health()["zuora"] == "ready", step=1)

    assert len(token_calls(stage)) < 8


@pytest.mark.parametrize(
    "said",
    [float("nan"), float("inf"), float("-inf"), -5, 0, 1e308, "soon", None, [], True, "3600"],
)
async def test_an_odd_life_of_a_token_keeps_nobody_from_starting_and_asks_for_few_tokens(
    stage, said
):
    stage.zuora.knobs = stage.zuora.knobs.__class__(expires_in="null" if said is None else said)
    await stage.restart()
    before = len(token_calls(stage))
    numbers = add_invoices(stage, 12)

    ts = await ask(stage, numbers)
    await stage.until_card(ts, "Accepted by Zuora: email 12 invoices")

    assert orders_of(stage) == Counter(numbers)
    assert len(token_calls(stage)) == before
    stage.clock.advance(seconds=timedelta(hours=2).total_seconds())
    assert (await stage.fill()).ok
    assert len(token_calls(stage)) == before + 1
