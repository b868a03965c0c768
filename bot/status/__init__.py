"""Answers for managers: how requests stand, what a month added up to. Reads only; no Slack."""
