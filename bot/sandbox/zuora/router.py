"""Finding the route of a path."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
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


@cache
def _parts(pattern: str) -> list[str]:
    return pattern.split("/")


def _keys(wanted: list[str], given: list[str]) -> tuple[str, ...] | None:
    if len(wanted) != len(given):
        return None
    keys = []
    for want, have in zip(wanted, given, strict=True):
        if want == "*" and have:
            keys.append(unquote(have))
        elif want != have:
            return None
    return tuple(keys)


def candidates(raw_path: str, routes: Iterable[Route] = ROUTES) -> list[Found]:
    """Return the routes of a still encoded path, whatever their method, literal paths first."""
    given = raw_path.split("/")
    found = [
        Found(route, keys)
        for route in routes
        if (keys := _keys(_parts(route.path), given)) is not None
    ]
    return sorted(found, key=lambda entry: len(entry.keys))
