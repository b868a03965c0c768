"""Exit statuses that several commands share; `billing-bot verify` has more of its own."""

MEND_FIRST = 2
"""A person must first change what the message names: a setting, an option, a file, what Slack allows."""

WILL_PASS = 75
"""The cause ends by itself, so a supervisor starts the process again. 75 is `EX_TEMPFAIL` of sysexits.h."""

LOST_THE_WORK = 80
"""Another process may work by now; a supervisor starts this one again, and it stands by."""

NOT_READABLE = 3
"""An input cannot be read, or an output cannot be written."""

NOT_DONE = 26
"""Zuora was not compared, or Slack could not be read; the evidence is written all the same and says so."""
