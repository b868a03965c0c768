"""The client against a local Zuora, as in the tests of the client."""

from tests.zuora.conftest import clock, http, local, make, zuora

__all__ = ["clock", "http", "local", "make", "zuora"]
