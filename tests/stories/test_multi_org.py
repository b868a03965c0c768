"""Multi-Org and Multi-entity that no setting names: found before anybody is asked to approve."""

from dataclasses import replace

import pytest

from tests.stage import ALICE, CHANNEL
from tests.stories.test_places import AMERICA, EUROPE

ASKED = "/billrun batch=Batch1 target=2026-11-30 reason=x"


@pytest.fixture
def labeled(stage):
    """Multi-Org that came after 150 accounts; the last of all accounts is in an organization."""
    stage.zuora.knobs = replace(stage.zuora.knobs, multi_org=True)
    for account in stage.zuora.world.accounts.values():
        account.is_labeled = False
    for _ in range(150):
        stage.zuora.world.add_account(is_labeled=False)
    return stage.zuora.world.add_account()


@pytest.mark.parametrize("odd", [{}, {"strict_index": True}, {"ignores_filters": True}])
async def test_multi_org_is_seen_from_the_only_account_in_an_organization(stage, labeled, odd):
    """Accounts of before Multi-Org are in none (page *Data Labeling*)."""
    stage.zuora.knobs = replace(stage.zuora.knobs, **odd)

    await stage.slack.slash(ALICE, CHANNEL, ASKED)

    assert "needs the organizations for which" in stage.private(ALICE)[-1]
    assert stage.store.requests.get(1) is None


@pytest.mark.parametrize("why", ["refused", "too many"])
async def test_the_card_says_that_multi_org_is_not_known(stage, labeled, why):
    stage.zuora.knobs = replace(stage.zuora.knobs, strict_index=True)
    if why == "refused":
        stage.zuora.faults.add(
            "/object-query/accounts", kind="status", status=403, body={"code": 1}, times=None
        )
    else:
        labeled.is_labeled = False
        for _ in range(400):
            stage.zuora.world.add_account(is_labeled=False)

    await stage.slack.slash(ALICE, CHANNEL, ASKED)

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    await stage.until(lambda: stage.slack.channel_messages(CHANNEL))
    assert "Whether this Zuora has Multi-Org could not be checked" in stage.card(
        stage.slack.channel_messages(CHANNEL)[-1].ts
    )


async def test_a_start_without_the_organizations_that_zuora_wants_says_so(stage):
    stage.zuora.knobs = replace(stage.zuora.knobs, orgs_required=True)

    with pytest.raises(Exception, match="ZUORA_ORG_IDS is empty, and Zuora wants organizations"):
        await stage.restart()
    stage.changes = {"zuora_org_ids": "o1"}
    await stage.start()


async def test_organizations_that_zuora_wants_since_the_start_are_said_in_the_form(stage):
    stage.zuora.knobs = replace(stage.zuora.knobs, orgs_required=True)

    await stage.slack.slash(ALICE, CHANNEL, ASKED)
    submitted = await stage.fill()

    assert "The Zuora-Org-Ids header must name" in stage.private(ALICE)[-1]
    assert "The Zuora-Org-Ids header must name" in submitted.errors["bill_run"]
    assert stage.store.requests.get(1) is None


async def test_a_token_for_several_entities_and_no_setting_keeps_the_bot_from_starting(stage):
    """ "You must use this header to specify which entity to perform the operation in." """
    for entity in (EUROPE, AMERICA):
        stage.zuora.add_entity(entity)

    with pytest.raises(Exception, match="ZUORA_ENTITY_IDS has to list those that the bot works in"):
        await stage.restart()
