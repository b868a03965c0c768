"""Which host is which."""

import pytest

from bot.zuora.environments import Environment, environment

PRODUCTION = ["rest.na", "rest", "rest.eu", "rest.ap"]
SANDBOX = [
    "rest.test", "rest.sandbox.na", "rest.apisandbox", "rest.test.eu", "rest.sandbox.eu",
    "rest.test.ap",
]  # fmt: skip


@pytest.mark.parametrize("host", PRODUCTION)
def test_production_is_production(host):
    assert environment(f"https://{host}.zuora.com").kind == "production"


@pytest.mark.parametrize("host", SANDBOX)
def test_sandboxes_are_sandboxes(host):
    assert environment(f"https://{host}.zuora.com/").kind == "sandbox"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://localhost", "http://[::1]:9"])
def test_this_machine_is_no_sandbox_by_its_address(url):
    """A tunnel or a proxy may answer there. The sandbox says by itself that it is one."""
    assert environment(url) == Environment("this machine", "unknown")


@pytest.mark.parametrize(
    "url",
    [
        "https://rest.zuora.com.evil.example",
        "https://sandbox.rest.zuora.com",
        "https://rest.zuora.com@evil.example",
        "rest.zuora.com",
        "",
        "http://[",
    ],
)
def test_a_host_that_is_not_listed_is_unknown(url):
    assert environment(url).kind == "unknown"


def test_the_name_of_a_host_ignores_case_and_port():
    assert environment("HTTPS://REST.NA.ZUORA.COM:443/x").name == "US Production Cloud 1"
