"""What each operation is expected to do, as FORMAT.md says: which calls what was approved allows, and which totals it has."""
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from urllib.parse import quote

from bot.audit.rows import FileRow, Json, Story, compact, has_mask, hashed, is_masked, loaded

COLLECTIONS = {"invoice": ("invoices",), "credit_memo": ("credit-memos",), "debit_memo": ("debitmemos", "debit-memos")}
KNOWN = ("accepted", "rejected", "busy")  # verdicts after which it is known what came of a call


def created(body: Json, facts: Json) -> Json:  # the JSON that creates a bill run, without its name
    target, invoice, plan = (body.get(name) or {} for name in ("target_month_day", "invoice_month_day", "schedule"))
    account, has_batches = {"accountId": facts["account"]}, bool(body.get("batches"))
    filters = [{"filterType": "Subscription", **account, "subscriptionId": each} for _, each in facts["subscriptions"]]
    filters = filters if body.get("subscriptions") else [{"filterType": "Account", **account}]
    is_end = plan and (date.fromisoformat(plan["repeat_from"]) + timedelta(days=1)).day == 1 and plan["repeat_type"] == "Monthly"
    units = [{"organizationId": one["id"]} if one.get("id") else {"organizationName": one["name"]} for one in body.get("organizations", ())]
    repeats = {"repeatType": plan.get("repeat_type"), "repeatFrom": plan.get("repeat_from"), "repeatTo": plan.get("repeat_to"),
               "runTime": plan.get("run_time"), "weeklyOnDay": plan.get("weekly_on") or None,
               "monthlyOnEndOfMonth": plan.get("on_end_of_month", False) if is_end else None}
    wanted = {
        "batches": body["batches"] if has_batches else None, "billRunFilters": None if has_batches else filters,
        "billCycleDay": (body.get("bill_cycle_day") or None) if has_batches else None,
        "targetDate": body.get("target_date"), "targetDateMonthOffset": target.get("months"), "targetDateDayOfMonth": target.get("day"),
        "invoiceDate": body.get("invoice_date"), "invoiceDateMonthOffset": invoice.get("months"),
        "invoiceDateDayOfMonth": invoice.get("day"), "organizationLabels": units or None,
        "billRunType": body["run_type"] if body.get("run_type", "Regular") != "Regular" else None,
        "chargeTypeToExclude": body.get("exclude") or None, "schedule": {k: v for k, v in repeats.items() if v is not None} or None,
        "includeSubscriptions": None if body.get("include_subscriptions", True) else False,
        "includeOrderLineItems": None if body.get("include_order_line_items", True) else False,
        "autoPost": body.get("auto_post", False), "autoEmail": body.get("auto_email", False),
        "autoRenewal": body.get("auto_renewal", False), "noEmailForZeroAmountInvoice": body.get("no_email_for_zero_amount", False)}
    return {name: value for name, value in wanted.items() if value is not None}


def orders(record: Json, facts: Json) -> dict[str, tuple[str, list[str], Json]] | None:  # by subject: method, addresses, body
    body, operation, run = loaded(record["body"]), record["operation"], facts.get("number", "")
    at, day = f"/v1/bill-runs/{quote(facts.get('run_id', ''), safe='')}", body.get("invoice_date")
    if operation == "create_bill_run":
        return {record["subject"]: ("POST", ["/v1/bill-runs"], created(body, facts))}
    if operation == "email_bill_run":
        return {run: ("POST", [f"/v1/bill-runs/{quote(run, safe='')}/emails"], {"resend": body["resend"]})}
    if operation in {"post_bill_run", "cancel_bill_run"}:
        wanted = {"cancelOnce": body.get("cancel_once") is not False} if operation[0] == "c" else {"invoiceDate": day} if day else {}
        return {run: ("PUT", [f"{at}/{operation.partition('_')[0]}"], wanted)}
    if "documents" not in body:  # an operation of another version
        return None
    kinds = dict(zip(body["documents"], body.get("kinds") or [operation.removeprefix("email_")] * len(body["documents"]), strict=True))
    fields = {"emailAddresses": ",".join(body.get("email_addresses", ())), "pdfFileId": body.get("pdf_file_id", ""),
              "includeAdditionalEmailAddresses": body.get("additional", False), "useEmailTemplateSetting": body["recipients"] == "template"}
    wanted = {name: value for name, value in fields.items() if value}
    return {one: ("POST", [f"/v1/{each}/{quote(one, safe='')}/emails" for each in COLLECTIONS[kinds[one]]], wanted)
            for one in (each[0] for each in facts["documents"]) if one in kinds}


def summed(record: Json, asked: Json) -> Iterator[str]:  # whether the totals compared with the rule are those of the documents
    body, bound, shown, compared = loaded(record["body"]), asked["bound"]["facts"], loaded(record["facts"]), asked["compared"]
    alone, listed, numbers = record["operation"].removeprefix("email_"), bound.get("documents"), body.get("documents", ())
    totals = [] if listed is not None else (shown.get("drafts") or shown.get("documents") or {"kinds": []})["kinds"]
    kinds = dict(zip(numbers, body.get("kinds") or [alone] * len(numbers), strict=True))
    found = [(kinds[each[0]], each[3], each[4]) for each in listed or ()]  # of each document its kind, currency and amount
    found += [(of["kind"], *each) for of in totals for each in [*of["totals"], *[("", None)] * of["not_known"]]]
    for part, each in ({alone: compared} if "tenant" in compared else compared).items():
        kind, amounts = part.partition(" in ")[0].removeprefix("email_"), each["amounts"]
        made = None if alone == "create_bill_run" else added_up([one for one in found if one[0] == kind or listed is None])
        if made != (None if amounts is None else sorted((code, abs(Decimal(text))) for code, text in amounts)):
            yield "compares other totals with the rule than those of its documents"
        if listed is not None and each["documents"] != len(listed):
            yield f"compares {each['documents']} documents with the rule, and is about {len(listed)}"


class Documents:
    """The documents of bill runs, one request after the other; `total` takes in what is read."""

    def __init__(self, lines: Iterable[Any], total: Any, about: Json) -> None:
        self.groups, self.total, self.about = groupby(lines, key=lambda line: line[0]), total, about
        self.next: tuple[int, Iterable[Any]] = (0, ())

    def unlike(self, record: Json, asked: Json) -> Iterator[str]:
        """Return how a request's documents differ from their hash and from the totals that were shown."""
        self.next = next(self.groups, (0, ())) if self.next[0] < record["number"] else self.next
        lines = [*self.next[1]] if self.next[0] == record["number"] else []
        self.total.update((text := "".join(f"{compact(line)}\n" for line in lines)).encode())
        is_open = not (self.about["masked"] and has_mask(text))  # else what the hash is made of is not all there
        try:
            if lines or '"kept":true' in record["facts"]:  # else an older request, or not about a run
                yield from differing(json.loads(record["facts"]), [line[1:] for line in lines], asked, is_open=is_open)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            yield f"the documents of its bill run cannot be compared: {error!r}"


def differing(shown: Json, found: Sequence[Any], asked: Json, *, is_open: bool) -> Iterator[str]:  # documents from hash and totals
    run = shown.get("run", shown)["documents"]
    told = asked["bound"]["facts"] if "bound" in asked else run
    if not isinstance(told, dict) or (is_open and hashed("\n".join(map(compact, found))) != told.get("each")):
        yield "the documents of its bill run are not those that were asked for"
    totals = [(of["kind"], *one) for of in run["kinds"] for one in [*of["totals"], *[("", None)] * of["not_known"]]]
    if added_up([(kind, code, amount) for kind, _, code, amount, *_ in found]) != added_up(totals):
        yield "the documents of its bill run have other totals than it shows"


def added_up(found: Sequence[Any]) -> list[tuple[str, Decimal]] | None:  # by kind and currency, amounts below zero apart
    sums = dict[tuple[str, str, bool], Decimal]()
    if not all(isinstance(text, str) for _, *amount in found for text in amount):
        return None  # one is not known
    for kind, code, amount in ((kind, code, Decimal(text)) for kind, code, text in found):
        sums[kind, code, amount < 0] = sums.get((kind, code, amount < 0), Decimal(0)) + amount
    return sorted((code, abs(total)) for (of, code, below), total in sums.items() if total or (of, code, not below) not in sums)


def called(record: Json, story: Story, asked: Json) -> Iterator[tuple[FileRow, str]]:  # whether each call is what was approved
    planned, done, said, out = orders(record, asked["bound"]["facts"]), set[str](), set[str](), dict[str, Any]()
    if planned is None:
        words = f"is of {record['operation']}, and which calls that allows is not known here"
        yield from ((row, words) for row, _ in story if row.what == "call.sent")
        return
    named = f"{loaded(record['body']).get('name') or 'Billing Bot'} [R-{record['number']} "  # a bill run has its call's name
    is_open = not has_mask(record["body"])
    for row, data in (each for each in story if each[0].what.startswith("call.")):
        subject = data["subject"]
        if row.what == "call.sent":  # under the same key Zuora does it once
            words = "goes out under another key, and what came of it before is not known"
            yield from [(row, words)] * (out.get(subject, data["key"]) != data["key"])
            out[subject] = data["key"]
            said = said | {subject} if "method" in data else said - {subject}
            name = {"name": f"{named}{data['key'][-4:]}]"} if record["operation"] == "create_bill_run" else {}
            found = otherwise(data, planned.get(subject), name, is_open=is_open and not is_masked(row, "body"))
            yield from ((row, words) for words in found)
        if subject in (done if row.what == "call.sent" else ()):
            yield row, f"is about {subject} again, after that was accepted"
        out = {each: key for each, key in out.items() if each != subject} if data.get("verdict") in KNOWN else out
        done |= {subject} if data.get("verdict") == "accepted" else set()
        if subject in done - said:
            yield row, "was accepted, and no row says what went out"


def otherwise(sent: Json, planned: Any, name: Json, *, is_open: bool) -> Iterator[str]:  # how a call differs from its plan
    if planned is None:
        yield f"is a call about {sent['subject']}, for which nobody asked"
    elif "method" in sent:
        method, addresses, body = planned
        if sent["method"] != method or sent["address"] not in addresses:
            yield f"calls {sent['method']} {sent['address']}, which is not what was approved"
        if is_open and (alike(json.loads(sent["body"] or "{}")) != alike(body | name) or hashed(sent["body"]) != sent["body_sha256"]):
            yield "has another body than what was approved gives"


def alike(body: Json) -> Json:  # a bill run's filters are a set
    return body | ({"billRunFilters": sorted(map(compact, body["billRunFilters"]))} if "billRunFilters" in body else {})
