"""`/sandbox/zuora/…`: lets another process read and change the local Zuora."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from bot.sandbox.zuora import shapes_query
from bot.sandbox.zuora.calls import Answer, Call
from bot.sandbox.zuora.faults import Faults
from bot.sandbox.zuora.options import Knobs
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.world import World, find

PREFIX = "/sandbox/zuora/"


class Control:
    """The control surface of one local Zuora."""

    def __init__(self, tenant: Tenant, faults: Faults, calls: list[Call]) -> None:
        self._tenant = tenant
        self._faults = faults
        self._calls = calls

    def answer(self, method: str, path: str, content_type: str, raw: bytes) -> Answer:
        """Answer a control request.

        Writes must say application/json, so that a page of another origin cannot make them.
        """
        actions: Mapping[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "state"): lambda _: self._state(),
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): lambda _: self._clear_faults(),
            ("POST", "down"): self._down,
            ("POST", "bill-runs"): self._add_bill_run,
            ("POST", "change"): self._change,
            ("POST", "knobs"): self._set_knobs,
        }
        action = actions.get((method, path.removeprefix(PREFIX)))
        if action is None:
            return Answer(404, {"error": "no such control"})
        if method == "POST" and content_type != "application/json":
            return Answer(415, {"error": "send application/json"})
        self._tenant.advance()
        try:
            body = json.loads(raw) if method == "POST" else {}
            return Answer(200, action(body))
        except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as problem:
            return Answer(400, {"error": str(problem)})

    def _state(self) -> dict[str, Any]:
        tenant = self._tenant
        world = tenant.world
        kinds = (world.invoices, world.credit_memos, world.debit_memos)
        return {
            "now": tenant.now().isoformat(),
            "tenant": tenant.number,
            "bill_runs": [shapes_query.bill_run(tenant, run) for run in world.bill_runs.values()],
            "documents": {
                document.number: document.status for table in kinds for document in table.values()
            },
            "mails": [_plain(mail) for mail in world.mails],
            "calls": [_plain(call) for call in self._calls],
            "faults": [_plain(fault) for fault in self._faults.waiting],
            "down": self._faults.down,
        }

    def _add_fault(self, body: dict[str, Any]) -> dict[str, Any]:
        details = body.pop("details", {})
        self._faults.add(body.pop("path", "*"), **body, **details)
        return {"ok": True}

    def _clear_faults(self) -> dict[str, Any]:
        self._faults.clear()
        return {"ok": True}

    def _down(self, body: dict[str, Any]) -> dict[str, Any]:
        self._faults.down = bool(body["down"])
        return {"ok": True, "down": self._faults.down}

    def _add_bill_run(self, body: dict[str, Any]) -> dict[str, Any]:
        for name in ("target_date", "invoice_date"):
            if body.get(name):
                body[name] = date.fromisoformat(body[name])
        run = self._tenant.world.add_bill_run(**body)
        return shapes_query.bill_run(self._tenant, run)

    def _change(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = _entry(self._tenant.world, body["object"], body["key"])
        if entry is None:
            raise KeyError(f"no {body['object']} {body['key']}")
        hints = get_type_hints(type(entry))
        fields = {
            name: TypeAdapter(hints[name]).validate_python(value)
            for name, value in body["fields"].items()
        }
        for name, value in fields.items():
            setattr(entry, name, value)
        return {"ok": True}

    def _set_knobs(self, body: dict[str, Any]) -> dict[str, Any]:
        hints = get_type_hints(Knobs)
        fields = {
            name: TypeAdapter(hints[name]).validate_python(value) for name, value in body.items()
        }
        self._tenant.knobs = dataclasses.replace(self._tenant.knobs, **fields)
        return {"ok": True}


def _entry(world: World, name: str, key: str) -> Any:
    tables: Mapping[str, Any] = {
        "accounts": world.accounts,
        "profiles": world.profiles,
        "subscriptions": world.subscriptions,
        "bill_runs": world.bill_runs,
        "invoices": world.invoices,
        "credit_memos": world.credit_memos,
        "debit_memos": world.debit_memos,
    }
    return find(tables[name], key)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if str(k).lower() != "authorization"}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
