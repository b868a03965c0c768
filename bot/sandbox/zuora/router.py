"""Finds the route of a path."""

from dataclasses import dataclass
from urllib.parse import unquote

from bot.sandbox.zuora import (
    routes_accounts,
    routes_bill_runs,
    routes_documents,
    routes_files,
    routes_previews,
    routes_query,
    routes_settings,
)
from bot.sandbox.zuora.calls import Route


@dataclass(frozen=True)
class Found:
    """A route and the keys that the path has for its stars, decoded."""

    route: Route
    keys: tuple[str, ...]


ROUTES: tuple[Route, ...] = (
    *routes_bill_runs.ROUTES,
    *routes_documents.ROUTES,
    *routes_previews.ROUTES,
    *routes_files.ROUTES,
    *routes_query.ROUTES,
    *routes_accounts.ROUTES,
    *routes_settings.ROUTES,
)


_OF_LENGTH: dict[int, list[tuple[list[str], Route]]] = {}
"""Routes by the number of parts of their paths."""
for _route in ROUTES:
    _wanted = _route.path.split("/")
    _OF_LENGTH.setdefault(len(_wanted), []).append((_wanted, _route))


def candidates(raw_path: str) -> list[Found]:
    """Return the routes of a still encoded path, whatever their method, literal paths first."""
    given = raw_path.split("/")
    found = [
        Found(route, keys)
        for wanted, route in _OF_LENGTH.get(len(given), [])
        if (keys := _keys(wanted, given)) is not None
    ]
    return sorted(found, key=lambda entry: len(entry.keys))


def _keys(wanted: list[str], given: list[str]) -> tuple[str, ...] | None:
    keys = []
    for want, have in zip(wanted, given, strict=True):
        if want == "*" and have:
            keys.append(unquote(have))
        elif want != have:
            return None
    return tuple(keys)
