"""Email invoices, debit memos and credit memos, one or many. START HERE: `operation`."""
