"""Creating bill runs: what is taken, and every reason to refuse."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.zuora import Knobs
from bot.sandbox.zuora.validation import create_reasons

ID = "2c92c0f95e1a0000015e1a0000000001"
OTHER = "2c92c0f95e1a0000015e1a0000000002"
ADHOC = {"batches": ["AllBatches"], "targetDate": "2026-11-30"}
SCHEDULE = {"repeatFrom": "2026-12-01", "repeatType": "Monthly", "runTime": 3}
SCHEDULED = {"batches": ["Batch1"], "schedule": SCHEDULE}
ACCOUNT = {"filterType": "Account", "accountId": ID}


KEYS = (
    "batches", "billCycleDay", "billRunFilters", "billRunType", "chargeTypeToExclude", "schedule",
    "autoPost", "name", "targetDate", "invoiceDate", "invoiceDateMonthOffset", "condition",
    "invoiceDateDayOfMonth", "organizationLabels", "repeatFrom", "repeatTo", "repeatType",
    "runTime", "weeklyOnDay", "monthlyOnEndOfMonth", "filterType", "accountId", "subscriptionId",
    "objectType", "field", "operator", "value", "relation", "conditions", "organizationId",
)  # fmt: skip


def by_subscription(count, account=ID):
    return [
        {"filterType": "Subscription", "accountId": account, "subscriptionId": f"{n:032x}"}
        for n in range(count)
    ]


def condition(**fields):
    return [{"filterType": "FilterCondition", "objectType": "Account", "condition": fields}]


def scheduled(**fields):
    return {**SCHEDULED, "schedule": {**SCHEDULE, **fields}}


REFUSED = {
    "neither selector": ({"targetDate": "2026-11-30"}, 22),
    "both selectors": ({**ADHOC, "billRunFilters": [ACCOUNT]}, 30),
    "an unknown batch": ({**ADHOC, "batches": ["Batch51"]}, 20),
    "a batch of zero": ({**ADHOC, "batches": ["Batch0"]}, 20),
    "no batch": ({**ADHOC, "batches": []}, 20),
    "batches as text": ({**ADHOC, "batches": "AllBatches"}, 20),
    "all batches and another": ({**ADHOC, "batches": ["AllBatches", "Batch1"]}, 20),
    "a cycle day of 32": ({**ADHOC, "billCycleDay": "32"}, 20),
    "AsRunDay ad hoc": ({**ADHOC, "billCycleDay": "AsRunDay"}, 20),
    "a cycle day with filters": (
        {"billRunFilters": [ACCOUNT], "billCycleDay": "1", "targetDate": "2026-11-30"},
        20,
    ),
    "no target date": ({"batches": ["AllBatches"]}, 22),
    "a day that is none": ({**ADHOC, "targetDate": "2026-02-30"}, 20),
    "a date in another form": ({**ADHOC, "invoiceDate": "30.11.2026"}, 20),
    "offsets ad hoc": (
        {**ADHOC, "targetDateMonthOffset": 0, "targetDateDayOfMonth": 1},
        20,
    ),
    "half an offset": ({**SCHEDULED, "invoiceDateMonthOffset": 1}, 20),
    "a day of month of 32": (
        {**SCHEDULED, "invoiceDateMonthOffset": 1, "invoiceDateDayOfMonth": 32},
        20,
    ),
    "a month offset as text": (
        {**SCHEDULED, "invoiceDateMonthOffset": "1", "invoiceDateDayOfMonth": 3},
        20,
    ),
    "an offset and a date": (
        {
            **SCHEDULED,
            "invoiceDateMonthOffset": 1,
            "invoiceDateDayOfMonth": 3,
            "invoiceDate": "2026-12-01",
        },
        20,
    ),
    "three charge types": (
        {**ADHOC, "chargeTypeToExclude": ["OneTime", "Recurring", "Usage"]},
        20,
    ),
    "an unknown charge type": ({**ADHOC, "chargeTypeToExclude": ["Yearly"]}, 20),
    "a charge type twice": ({**ADHOC, "chargeTypeToExclude": ["Usage", "Usage"]}, 20),
    "a charge type as text": ({**ADHOC, "chargeTypeToExclude": "Usage"}, 20),
    "a boolean as text": ({**ADHOC, "autoPost": "true"}, 20),
    "a name that is a number": ({**ADHOC, "name": 7}, 20),
    "catch-up without the feature": ({**ADHOC, "billRunType": "CatchUp"}, 30),
    "an unknown type": ({**ADHOC, "billRunType": "Weekly"}, 20),
    "organizations without the feature": (
        {**ADHOC, "organizationLabels": [{"organizationId": "1"}]},
        30,
    ),
    "an unknown filter type": (
        {"targetDate": "2026-11-30", "billRunFilters": [{"filterType": "Batch"}]},
        20,
    ),
    "filters that are none": ({"targetDate": "2026-11-30", "billRunFilters": ["x"]}, 20),
    "an account filter without account": (
        {"targetDate": "2026-11-30", "billRunFilters": [{"filterType": "Account"}]},
        22,
    ),
    "an account by number": (
        {"targetDate": "2026-11-30", "billRunFilters": [{**ACCOUNT, "accountId": "A00000001"}]},
        20,
    ),
    "two accounts": (
        {"targetDate": "2026-11-30", "billRunFilters": [ACCOUNT, {**ACCOUNT, "accountId": OTHER}]},
        30,
    ),
    "subscriptions of two accounts": (
        {
            "targetDate": "2026-11-30",
            "billRunFilters": [*by_subscription(1), *by_subscription(2, OTHER)],
        },
        30,
    ),
    "51 subscriptions": (
        {"targetDate": "2026-11-30", "billRunFilters": by_subscription(51)},
        30,
    ),
    "a subscription filter without subscription": (
        {
            "targetDate": "2026-11-30",
            "billRunFilters": [{"filterType": "Subscription", "accountId": ID}],
        },
        22,
    ),
    "subscriptions on a schedule": (
        {"schedule": SCHEDULE, "billRunFilters": by_subscription(1)},
        30,
    ),
    "a condition without operator": (
        {"targetDate": "2026-11-30", "billRunFilters": condition(field="batch", value="1")},
        20,
    ),
    "501 values": (
        {
            "targetDate": "2026-11-30",
            "billRunFilters": condition(field="id", operator="in", value="," * 500),
        },
        20,
    ),
    "an unknown relation": (
        {"targetDate": "2026-11-30", "billRunFilters": condition(relation="xor", conditions=[])},
        20,
    ),
    "a schedule as text": ({**SCHEDULED, "schedule": "daily"}, 20),
    "an hour of 24": (scheduled(runTime=24), 20),
    "an hour as text": (scheduled(runTime="3"), 20),
    "no hour": (scheduled(runTime=None), 22),
    "no start": (scheduled(repeatFrom=None), 22),
    "an end before the start": (scheduled(repeatTo="2026-11-01"), 20),
    "an unknown repetition": (scheduled(repeatType="Yearly"), 20),
    "a week without days": (scheduled(repeatType="Weekly"), 22),
    "an unknown weekday": (scheduled(repeatType="Weekly", weeklyOnDay=["Monday"]), 20),
    "weekdays of a month": (scheduled(weeklyOnDay=["Mon"]), 20),
    "month end from the first": (scheduled(monthlyOnEndOfMonth=True), 20),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_run_is_refused_with(name):
    body, category = REFUSED[name]
    assert category in [reason.category for reason in create_reasons(body, Knobs())]


async def test_every_refusal_reaches_the_caller_and_makes_no_run(client, world):
    for name, (body, category) in REFUSED.items():
        answer = await client.post("/v1/bill-runs", body)
        assert answer.status_code == 400, name
        categories = [reason["code"] % 100 for reason in answer.json()["reasons"]]
        assert category in categories, name
    assert len(world.bill_runs) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("Monthly"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_no_json_breaks_the_rules(body):
    assert all(reason.message for reason in create_reasons(body, Knobs()))


async def test_a_schedule_that_is_over_is_refused(client):
    body = scheduled(repeatType="None", repeatFrom="2026-11-29")
    answer = await client.post("/v1/bill-runs", body)
    assert answer.json()["reasons"][0]["code"] == 50000030


def test_all_reasons_come_at_once():
    body = {"batches": ["Batch99"], "billCycleDay": "0", "autoPost": 1, "invoiceDate": "x"}
    assert len(create_reasons(body, Knobs())) == 5


@pytest.mark.parametrize(
    "body",
    [
        {**ADHOC, "billCycleDay": "31", "batches": ["Batch1", "Batch50"]},
        {**SCHEDULED, "billCycleDay": "AsRunDay"},
        scheduled(repeatType="Weekly", weeklyOnDay=["Mon", "Fri"]),
        scheduled(repeatFrom="2026-11-30", monthlyOnEndOfMonth=True),
        {**SCHEDULED, "targetDateMonthOffset": -1, "targetDateDayOfMonth": 31},
        {"targetDate": "2026-11-30", "billRunFilters": [ACCOUNT]},
        {"targetDate": "2026-11-30", "billRunFilters": by_subscription(50)},
        {
            "targetDate": "2026-11-30",
            "billRunFilters": condition(
                relation="and",
                conditions=[{"field": "batch", "operator": "nnl"}],
            ),
        },
    ],
)
def test_nothing_is_wrong_with(body):
    assert create_reasons(body, Knobs()) == []


def test_rules_follow_the_tenants_settings():
    auto = {**ADHOC, "autoPost": True}
    assert create_reasons(auto, Knobs()) == []
    assert [r.category for r in create_reasons(auto, Knobs(auto_post_rule=False))] == [30]
    catch_up = {**ADHOC, "billRunType": "CatchUp"}
    assert create_reasons(catch_up, Knobs(catch_up=True)) == []
    late = {**SCHEDULED, "billRunType": "CatchUp"}
    assert [r.category for r in create_reasons(late, Knobs(catch_up=True))] == [30]
    assert [r.category for r in create_reasons(ADHOC, Knobs(multi_org=True))] == [22]
    labelled = {**ADHOC, "organizationLabels": [{"organizationName": "EU"}]}
    assert create_reasons(labelled, Knobs(multi_org=True)) == []
    nameless = {**ADHOC, "organizationLabels": [{}]}
    assert [r.category for r in create_reasons(nameless, Knobs(multi_org=True))] == [22]


async def test_a_new_run_is_pending_and_has_nulls(client):
    answer = (await client.post("/v1/bill-runs", {**ADHOC, "name": "R-17"})).json()
    assert answer["success"] is True
    assert answer["status"] == "Pending"
    assert answer["billRunNumber"] == "BR-00000002"
    assert answer["name"] == "R-17"
    assert answer["invoiceDate"] == "2026-11-30"
    assert answer["createdDate"] == "2026-11-30 09:00:00"
    assert answer["billRunFilters"] is None
    assert answer["schedule"] is None
    assert answer["autoRenewal"] is False
    assert (await client.get(f"/v1/bill-runs/{answer['id']}")).json() == answer


async def test_a_scheduled_run_has_offsets_and_a_time(client):
    body = {**scheduled(repeatFrom="2026-12-01"), "targetDate": "2026-12-05"}
    answer = (await client.post("/v1/bill-runs", body)).json()
    assert (answer["targetDate"], answer["targetDateOffset"]) == (None, 4)
    assert (answer["invoiceDate"], answer["invoiceDateOffset"]) == (None, 0)
    assert answer["scheduledExecutionTime"] == "2026-12-01 03:00:00"


async def test_an_unknown_account_or_subscription_is_not_found(client, world):
    body = {"targetDate": "2026-11-30", "billRunFilters": [ACCOUNT]}
    assert (await client.post("/v1/bill-runs", body)).status_code == 404
    item = {**by_subscription(1)[0], "accountId": world.accounts["A00000001"].id}
    answer = await client.post("/v1/bill-runs", {**body, "billRunFilters": [item]})
    assert answer.status_code == 404


async def test_a_subscription_must_be_the_latest_version_of_the_accounts_own(client, world):
    subscription = world.add_subscription("A00000002")
    item = {
        "filterType": "Subscription",
        "accountId": world.accounts["A00000001"].id,
        "subscriptionId": subscription.id,
    }
    body = {"targetDate": "2026-11-30", "billRunFilters": [item]}
    assert (await client.post("/v1/bill-runs", body)).status_code == 400
    item["accountId"] = world.accounts["A00000002"].id
    assert (await client.post("/v1/bill-runs", body)).status_code == 200
    subscription.latest = False
    assert (await client.post("/v1/bill-runs", body)).status_code == 400


@pytest.mark.parametrize(("category", "status"), [(30, 400), (70, 429)])
async def test_too_many_pending_runs_are_refused(client, zuora, category, status):
    zuora.knobs = replace(zuora.knobs, pending_limit=1, pending_limit_category=category)
    statuses = [(await client.post("/v1/bill-runs", ADHOC)).status_code for _ in range(3)]
    assert statuses == [200, 200, status]


async def test_a_waiting_schedule_can_be_updated(client, clock):
    run = (await client.post("/v1/bill-runs", {**SCHEDULED, "name": "a"})).json()
    body = {"schedule": {**SCHEDULE, "runTime": 5}}
    changed = (await client.put(f"/v1/bill-runs/{run['billRunNumber']}", body)).json()
    assert (changed["name"], changed["scheduledExecutionTime"]) == ("a", "2026-12-01 05:00:00")
    clock.move(19 * 3600)
    await client.sign_in()
    assert (await client.get(f"/v1/bill-runs/{run['id']}")).json()["status"] == "Pending"
    clock.move(3600)
    await client.sign_in()
    assert (await client.get(f"/v1/bill-runs/{run['id']}")).json()["status"] == "Processing"
    assert (await client.put(f"/v1/bill-runs/{run['id']}", body)).status_code == 400
