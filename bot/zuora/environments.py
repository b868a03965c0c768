"""Zuora's data centres by base URL, and whether mails from there reach customers.

Source: the `servers` list of Zuora's OpenAPI document and the environments of its Python SDK. The
kind comes from this list alone, never from a part of a name: an unlisted host is "unknown".
"""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

EnvironmentKind = Literal["production", "sandbox", "unknown"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The Zuora environment behind a base URL.

    Attributes:
        name: The name people in finance use: `US Production Cloud 1`.
        kind: `production` if mails reach customers, `sandbox` for every test tenant,
            `unknown` for a host that is not in Zuora's list.
    """

    name: str
    kind: EnvironmentKind


_HOSTS: Final[dict[str, Environment]] = {
    "rest.test.zuora.com": Environment("US Developer & Central Sandbox", "sandbox"),
    "rest.sandbox.na.zuora.com": Environment("US API Sandbox Cloud 1", "sandbox"),
    "rest.apisandbox.zuora.com": Environment("US API Sandbox Cloud 2", "sandbox"),
    "rest.na.zuora.com": Environment("US Production Cloud 1", "production"),
    "rest.zuora.com": Environment("US Production Cloud 2", "production"),
    "rest.test.eu.zuora.com": Environment("EU Developer & Central Sandbox", "sandbox"),
    "rest.sandbox.eu.zuora.com": Environment("EU API Sandbox", "sandbox"),
    "rest.eu.zuora.com": Environment("EU Production", "production"),
    "rest.test.ap.zuora.com": Environment("APAC Developer & Central Sandbox", "sandbox"),
    "rest.ap.zuora.com": Environment("APAC Production", "production"),
}
OWN_SANDBOX: Final = Environment("local Zuora", "sandbox")
"""The local Zuora that `billing-bot sandbox` itself has started."""

_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def environment(base_url: str) -> Environment:
    """Return the environment behind a base URL, by its exact host.

    Args:
        base_url: For example `https://rest.na.zuora.com`; a path or a port does not matter.

    Returns:
        The listed environment; else kind `unknown` with the host (or `this machine`, `no host`) as
        its name. A server on this machine can pass calls on to any tenant.
    """
    try:
        host = (urlsplit(base_url.strip()).hostname or "").rstrip(".")
    except ValueError:
        host = ""
    if host in _LOCAL:
        return Environment("this machine", "unknown")
    return _HOSTS.get(host) or Environment(host or "no host", "unknown")
