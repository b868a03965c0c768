"""Figures of Billing Bot on the sandbox, each a ratio against another program of the same run.

START HERE: `bench/__main__.py` lists the parts. Each part is a module with an `async def measure`
that returns rows; none of it is a test, and nothing of it is asserted.
"""
