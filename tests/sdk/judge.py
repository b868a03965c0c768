"""Judges exchanges with Zuora by the official `zuora-sdk`; runs in the SDK's own environment.

Reads lines, each a JSON list of exchanges, and answers each by a line, a JSON list of what the SDK does not know or
would not take: paths, methods, headers, query parameters, fields and values of bodies and answers.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import unquote

import pydantic
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator

BaseModel.model_config["defer_build"] = True
pydantic.validate_call = lambda method: method  # type: ignore[assignment]  # what is read of the SDK is never called
import zuora_sdk  # noqa: E402 - half of its import would be making checks that `_model` makes anew

OUR_OWN = {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent",
           "connection", "content-encoding", "authorization", "zuora-version"}  # fmt: skip
"""Headers that every call of HTTP or of Zuora may carry."""


REFUSED = 400
REASONS = {"reasons", "requestId"}
"""How Object Query refuses since 2025-08-12 (*API upgrades*); the SDK's models know the form of before."""

LISTING = "/settings/listing"
"""*List all settings*: each setting is called with the headers that this one takes."""


class Operation:
    """One method of the SDK: where it goes, what it takes and gives."""

    def __init__(self, api: type, name: str, source: str) -> None:
        self.name = f"{api.__name__}.{name}"
        self.method = _one(r"method='(\w+)'", source)
        self.path = _one(r"resource_path='([^']+)'", source)
        self.headers = {
            each.lower() for each in re.findall(r"_header_params\['([\w-]+)'\]", source)
        }
        self.query = set(re.findall(r"_query_params\.append\(\('([^']+)'", source))
        function = inspect.unwrap(getattr(api, name))
        parameters = inspect.signature(function).parameters
        self.form = {
            field: parameters[name].annotation
            for field, name in re.findall(r"_form_params\.append\(\('(\w+)', (\w+)\)", source)
        }
        body = _one(r"_body_params = (\w+)\n", source)
        self.body = parameters[body].annotation if body in parameters else None
        answers = re.findall(r"'(\d+)': \"([^\"]+)\"", inspect.getsource(function))
        self.answers = dict(answers)
        parts = re.split(r"\{[^}]+\}", self.path)
        self.pattern = re.compile("[^/]+".join(map(re.escape, parts)))


def operations() -> Iterator[Operation]:
    """Every operation of the SDK."""
    for module in pkgutil.iter_modules(zuora_sdk.api.__path__, "zuora_sdk.api."):
        for _, api in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if api.__module__ != module.name:
                continue
            for name, function in inspect.getmembers(api, inspect.isfunction):
                if match := re.fullmatch(r"_(\w+)_serialize", name):
                    yield Operation(api, match[1], inspect.getsource(function))


def findings(exchange: dict[str, Any], known: list[Operation]) -> Iterator[str]:
    """What the SDK does not know or would not take of one exchange."""
    operation = _operation(exchange, known)
    if operation is None:
        yield "no such method and path"
        return
    if operation.path == LISTING and exchange["path"] not in settings():
        yield f"no setting {exchange['path']}"
    unknown = {name for name in exchange["headers"] if name not in OUR_OWN | operation.headers}
    if unknown:
        yield f"{operation.name} has no header {', '.join(sorted(unknown))}"
    unknown = {name for name in exchange["query"] if name not in operation.query}
    if unknown:
        yield f"{operation.name} has no query parameter {', '.join(sorted(unknown))}"
    if exchange["method"] in ("POST", "PUT"):
        for words in _body(operation, exchange["body"]):
            yield f"{operation.name}, body: {words}"
    yield from _answer(operation, exchange)


def _operation(exchange: dict[str, Any], known: list[Operation]) -> Operation | None:
    """The SDK's method for an exchange."""
    path = LISTING if exchange["path"].startswith("/settings/") else exchange["path"]
    fitting = [each for each in known if each.pattern.fullmatch(path)]
    fitting.sort(key=lambda each: each.path.count("{"))
    return next((each for each in fitting if each.method == exchange["method"]), None)


def _answer(operation: Operation, exchange: dict[str, Any]) -> Iterator[str]:
    """What is wrong with an answer; of a single setting the SDK has no model."""
    model = operation.answers.get(str(exchange["status"])) if operation.path != LISTING else None
    answer = exchange["answer"]
    if operation.path.startswith("/object-query") and exchange["status"] == REFUSED:
        answer = None if set(answer or ()) <= REASONS else answer
    if model is not None and isinstance(answer, dict) and hasattr(zuora_sdk, model):
        wrong = [_against(getattr(zuora_sdk, model), each) for each in _codes(answer)]
        for words in min(wrong, key=len):
            yield f"{operation.name}, answer {exchange['status']}: {words}"


def _codes(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An answer with its codes as they are, and as text: Zuora gives both, and models differ in it."""
    yield answer
    if isinstance(reasons := answer.get("reasons"), list):
        yield {**answer, "reasons": [{**each, "code": str(each.get("code"))} for each in reasons]}


def settings() -> set[str]:
    """The settings that the SDK names: it has no method for a single one, and speaks of some."""
    models = Path(zuora_sdk.__file__).parent / "models"
    text = "".join(each.read_text() for each in models.glob("*setting*.py"))
    return set(re.findall(r"`(/settings/[\w/-]+)`", text))


def _body(operation: Operation, body: Any) -> Iterator[str]:
    """What is wrong with a body of JSON, or with a form: its fields are parameters of the method."""
    if not operation.form:
        yield from _against(operation.body, body)
        return
    given = body if isinstance(body, dict) else {}
    for unknown in sorted(given.keys() - operation.form.keys()):
        yield f"no field {unknown}"
    for field, annotation in operation.form.items():
        yield from (f"{field} {words}" for words in _against(annotation, given.get(field)))


def _one(pattern: str, source: str) -> str:
    found = re.search(pattern, source)
    return found[1] if found else ""


def _against(annotation: Any, value: Any) -> list[str]:
    """What is wrong with a value for a model; the SDK's models check nothing when they are made."""
    if annotation is None:
        return ["takes no body"]
    wrapped = create_model("Wrapped", value=(_strict(annotation), ...))
    try:
        wrapped.model_validate({"value": value})
    except ValidationError as error:
        return [
            f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']} ({each['input']!r:.80})"
            for each in error.errors()
        ]
    return []


_MADE: dict[type, Any] = {}


def _strict(annotation: Any) -> Any:
    """The annotation with the SDK's models replaced by ones that check and know no other field."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return _model(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is None or not args:
        return annotation
    if origin is Annotated:
        return Annotated[(_strict(args[0]), *args[1:])]
    made = tuple(_strict(each) for each in args)
    return Union[made] if origin is Union else origin[made]  # noqa: UP007 - of a tuple of types


def _model(model: type[BaseModel]) -> Any:
    if model in _MADE:
        return _MADE[model]
    _MADE[model] = dict[str, Any]  # of a model within itself
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        if name == "additional_properties":
            continue
        kind = _strict(info.annotation)
        annotated = Annotated[(kind, *info.metadata)] if info.metadata else kind
        default = ... if info.is_required() else info.default
        fields[name] = (annotated, Field(default, alias=info.alias))
    validators = {
        name: field_validator(*each.info.fields)(each.func.__func__)
        for name, each in model.__pydantic_decorators__.field_validators.items()
        if hasattr(each.func, "__func__")
    }
    _MADE[model] = create_model(
        model.__name__,
        __config__=ConfigDict(extra="forbid", populate_by_name=False),
        __validators__=validators,
        **fields,
    )
    return _MADE[model]


def main() -> None:
    """Judge the exchanges of each line until there is none."""
    known = list(operations())
    for line in sys.stdin:
        found = [
            {"call": f"{each['method']} {unquote(each['path'])}", "words": words}
            for each in json.loads(line)
            for words in dict.fromkeys(findings(each, known))
        ]
        print(json.dumps(found), flush=True)  # noqa: T201 - the answer to who started this


if __name__ == "__main__":
    main()
