"""Zuora: the only part that talks to it. `wire`, `calls`, `verdict` and `answers` do no I/O."""
