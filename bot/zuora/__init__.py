"""Zuora: the only part that talks to it. `wire`, `calls`, `judge` and `answers` do no I/O."""
