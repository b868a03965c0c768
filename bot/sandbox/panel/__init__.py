"""The sandbox's panel: what the local Zuora did, trouble on request, a clock to move, stories to watch."""
