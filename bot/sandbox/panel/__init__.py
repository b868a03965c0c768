"""The sandbox's panel: what the local Zuora did, trouble to order, a clock to move, stories to watch."""
