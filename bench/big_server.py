"""A server of bare sockets that holds one posted bill run of any size, and lets through so many calls at once.

It answers in 80 ms what the bot reads before a run is mailed and what it sends afterwards, with as little
work as possible: pages of invoices and credit memos in three currencies, of accounts with several documents.
`python -m bench.big_server DOCUMENTS LARGEST_PAGE`.
"""

import asyncio
import base64
import json
import re
import sys
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from bench.limited_server import END_OF_HEADERS, HOST, REFUSED, TAKEN, TOKEN, exact_loop, length
from bench.watch import say

SECONDS: Final = 0.08
WIDTH: Final = 40
RUN: Final = "BR-00000417"
RUN_ID: Final = "4" * 32
CURRENCIES: Final = ("USD", "EUR", "GBP")
_DIGITS: Final = 8
STARTS: Final = {"invoices": "INV", "credit-memos": "CM"}
_OTHERS: Final = ("billing-runs", "debit-memos", "accounts", "subscriptions")
"""What is asked too where numbers are looked up; there is none of them."""

_PDFS: Final = {
    "/v1/invoices/pdf-status": ("invoiceKeys", "invoiceFiles", "invoiceNumber"),
    "/v1/credit-memos/pdf-status": ("creditMemoKeys", "creditMemoFiles", "creditMemoNumber"),
}


class Run:
    """The run's documents, made as they are asked for.

    Args:
        documents: How many; every twentieth is a credit memo.
        largest: The largest page that is not refused.
    """

    def __init__(self, documents: int, largest: int) -> None:
        self.largest = largest
        memos = documents // 20
        self.count = {"invoices": documents - memos, "credit-memos": memos}
        self.pages: dict[str, int] = {}
        self.calls = 0

    def answer(self, target: str) -> tuple[str, bytes]:
        """Status and body of the answer to a GET."""
        self.calls += 1
        parts = urlsplit(target)
        query = parse_qsl(parts.query)
        if parts.path == f"/object-query/billing-runs/{RUN}":
            return "200 OK", json.dumps(self._run()).encode()
        if parts.path == f"/v1/bill-runs/{RUN_ID}":
            return "200 OK", json.dumps(_PLAIN_RUN).encode()
        if parts.path in _PDFS:
            return "200 OK", _pdfs(parts.path, dict(query))
        name = parts.path.removeprefix("/object-query/")
        if name in self.count:
            asked = re.search(r"\.IN:\[(.*?)\]", str(query))
            return (
                ("200 OK", self._named(name, asked[1]))
                if asked
                else self._page(name, query, target)
            )
        return _beside(parts.path)

    def _named(self, name: str, asked: str) -> bytes:
        """Those of one kind whose numbers are asked for."""
        numbers = (
            int(each.removeprefix(STARTS[name]))
            for each in asked.split(",")
            if each.startswith(STARTS[name]) and each[-_DIGITS:].isdigit()
        )
        rows = (_row(name, each) for each in numbers if each <= self.count[name])
        return b'{"data": [' + b",".join(rows) + b"]}"

    def _page(self, name: str, query: list[tuple[str, str]], target: str) -> tuple[str, bytes]:
        values = dict(query)
        size = int(values.get("pageSize", "10"))
        if not 1 <= size <= self.largest:
            return "400 Bad Request", _refusal(f"pageSize must be between 1 and {self.largest}.")
        self.pages[target] = self.pages.get(target, 0) + 1
        numbers = self._range(name, [value for key, value in query if key == "filter[]"])
        if values.get("sort[]", "").endswith("DESC"):
            numbers = numbers[::-1]
        start = int(base64.urlsafe_b64decode(values["cursor"])) if "cursor" in values else 0
        rows = b",".join(_row(name, number) for number in numbers[start : start + size])
        more = b""
        if start + size < len(numbers):
            cursor = base64.urlsafe_b64encode(str(start + size).encode()).decode()
            more = f', "nextPage": "{cursor}"'.encode()
        return "200 OK", b'{"data": [' + rows + b"]" + more + b"}"

    def _range(self, name: str, filters: list[str]) -> range:
        """The numbers that begin as a filter wants it."""
        first, end = 1, self.count[name] + 1
        for each in filters:
            found = re.fullmatch(rf"\w+\.SW:{STARTS[name]}(\d*)", each)
            if found:
                width = 10 ** (_DIGITS - len(found[1]))
                first = max(first, int(found[1] or "0") * width)
                end = min(end, (int(found[1] or "0") + 1) * width)
        return range(first, max(first, end))

    def _run(self) -> dict[str, Any]:
        return {
            "id": RUN_ID, "billingRunNumber": RUN, "status": "Posted", "invoicesEmailed": False,
            "numberOfInvoices": self.count["invoices"], "autoPost": False, "autoEmail": False,
            "numberOfCreditMemos": self.count["credit-memos"], "lastEmailSentTime": None,
            "timeZone": "UTC", "noEmailForZeroAmountInvoice": False,
        }  # fmt: skip


_PLAIN_RUN: Final = {
    "success": True, "id": RUN_ID, "billRunNumber": RUN, "name": "November", "status": "Posted",
    "targetDate": "2026-11-30", "invoiceDate": "2026-11-30", "billRunType": "Regular",
    "autoPost": False, "autoEmail": False, "noEmailForZeroAmountInvoice": False,
}  # fmt: skip


@cache
def _row(name: str, number: int) -> bytes:
    """One document as an object query says it, with its account and bill-to contact."""
    account, currency = number // 2, CURRENCIES[number % 3]
    owner = f"{account:032x}"
    row: dict[str, Any] = {
        "id": f"{1 if name == 'invoices' else 2}{number:031x}", "accountId": owner,
        "status": "Posted", "currency": currency, "sourceId": RUN, "source": "BillRun",
        "balance": 100 + number % 97, "reversed": False, "comments": None, "dueDate": "2026-12-30",
        "createdDate": "2026-11-30T01:02:03.000+00:00", "updatedDate": "2026-11-30T01:02:03.000+00:00",
        "account": {
            "id": owner, "accountNumber": f"A{account:08}", "name": f"Customer {account}", "currency": currency,
            "batch": f"Batch{account % 50 + 1}", "additionalEmailAddresses": None, "status": "Active",
            "communicationProfileId": "c" * 32, "createdDate": "2024-01-30T01:02:03.000+00:00",
        },
        "billToContact": {
            "id": f"b{account:031x}", "firstName": "Ada", "lastName": "Example", "country": "Germany",
            "workEmail": f"billing@customer{account}.example", "personalEmail": None,
        },
    }  # fmt: skip
    number_text = f"{STARTS[name]}{number:0{_DIGITS}}"
    if name == "invoices":
        row |= {
            "invoiceNumber": number_text,
            "amount": 100 + number % 97,
            "invoiceDate": "2026-11-30",
        }
        row |= {"lastEmailSentDate": None}
    else:
        row |= {"memoNumber": number_text, "totalAmount": 10 + number % 7, "memoDate": "2026-11-30"}
    return json.dumps(row).encode()


def _beside(path: str) -> tuple[str, bytes]:
    """What is read beside the lists where documents are asked for by number."""
    if path.removeprefix("/object-query/") in _OTHERS:
        return "200 OK", b'{"data": []}'
    if memo := re.fullmatch(r"/v1/credit-memos/CM(\d+)", path):
        return "200 OK", _memo(int(memo[1]))
    if account := re.fullmatch(r"/v1/accounts/([0-9a-f]{32})", path):
        return "200 OK", _account(account[1])
    if path == "/v1/notification-history/email":
        return "200 OK", b'{"emailHistories": [], "success": true}'
    return (
        "404 Not Found",
        b'{"success": false, "reasons": [{"code": 50000040, "message": "No"}]}',
    )


def _memo(number: int) -> bytes:
    """A credit memo as its own path says it."""
    row = json.loads(_row("credit-memos", number))
    return json.dumps({**row, "number": row["memoNumber"], "success": True}).encode()


def _account(its_id: str) -> bytes:
    """An account as its own path says it."""
    row = json.loads(_row("invoices", 2 * int(its_id, 16)))["account"]
    basic = {name: row[name] for name in ("id", "accountNumber", "name", "batch", "status")}
    basic["communicationProfileId"] = row["communicationProfileId"]
    return json.dumps(
        {
            "basicInfo": basic,
            "billingAndPayment": {"currency": row["currency"], "additionalEmailAddresses": []},
            "billToContact": {"workEmail": "billing@customer.example"},
            "success": True,
        }
    ).encode()


def _pdfs(path: str, query: dict[str, str]) -> bytes:
    keys, files, number = _PDFS[path]
    rows = [{number: each, "pdfGenerationStatus": "Generated"} for each in query[keys].split(",")]
    return json.dumps({files: rows, "success": True}).encode()


def _refusal(words: str) -> bytes:
    return json.dumps(
        {"success": False, "reasons": [{"code": 50000027, "message": words}]}
    ).encode()


class Connection(asyncio.Protocol):
    """One caller, who waits for each answer before the next request."""

    out = 0
    taken = 0
    refused = 0

    def __init__(self, run: Run) -> None:
        self._run = run
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is one of TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of a request, or the whole of it."""
        self._came += data
        head, found, body = self._came.partition(END_OF_HEADERS)
        if found and len(body) >= length(head):
            self._came = b""
            self._answer(head.partition(b"\r\n")[0].decode())

    def _answer(self, line: str) -> None:
        method, target, _ = line.split(" ")
        if target == "/oauth/token":
            self._say("200 OK", TOKEN)
        elif Connection.out >= WIDTH:
            Connection.refused += 1
            self._say("429 Too Many Requests", REFUSED)
        else:
            Connection.out += 1
            asyncio.get_running_loop().call_later(SECONDS, self._done, method, target)

    def _done(self, method: str, target: str) -> None:
        Connection.out -= 1
        if method == "GET":
            self._say(*self._run.answer(target))
        else:
            Connection.taken += 1
            self._say("200 OK", TAKEN)

    def _say(self, status: str, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Concurrency-Limit-Type: Default\r\nConcurrency-Limit-Limit: {WIDTH}\r\n"
            f"Concurrency-Limit-Remaining: {WIDTH - Connection.out}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


async def main(documents: int, largest: int) -> None:
    """Serve until stopped; each line of standard input is answered with the figures so far."""
    run = Run(documents, largest)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(run), HOST, 0)
    say(ready=server.sockets[0].getsockname()[1])
    while (await loop.run_in_executor(None, sys.stdin.readline)).strip() not in ("", "stop"):
        most = max(run.pages.values(), default=0)
        say(calls=run.calls, pages=sum(run.pages.values()), most=most, taken=Connection.taken)
        run.calls = Connection.taken = 0
        run.pages.clear()
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(main(int(sys.argv[1]), int(sys.argv[2])))
