"""Reads the file that a billing preview run makes, as items. No I/O.

Source: pages *Create a billing preview run*, *Field descriptions of the CSV output file* and
*Billing Preview Run Result data source*: a zip with a CSV, and a second file where accounts failed.
The file names accounts and amounts, and no currency. For credit memos only the data source's
column names are documented, so names are compared by their letters alone.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import IO, Final, Literal

from bot.zuora.errors import ZuoraRefused

ItemKind = Literal["charge", "tax", "credit"]
ZIP: Final = b"PK"
MOST_FILES: Final = 100
MOST_UNPACKED: Final = 32 * 1024 * 1024
"""Bytes; about 200,000 items, which take a thread a few seconds."""

MOST_DIGITS: Final = 20
"""Before or after the decimal point; a longer number is not an amount, and could not be added up."""
_ACCOUNT: Final = ("accountid",)
_CURRENCY: Final = ("accountcurrency", "currency", "invoiceitemcurrency")
_CHARGE: Final = ("invoiceitemchargeamount", "chargeamount")
_CREDIT: Final = ("creditmemoitemamount",)
_TAX: Final = ("invoiceitemtaxamount", "taxamount")
_TYPE: Final = ("invoiceitemprocessingtype", "processingtype")
_UNREADABLE: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, csv.Error, EOFError, RuntimeError,
    InvalidOperation, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """An amount of the preview; `currency` is empty if the file does not say it."""

    account_id: str
    what: ItemKind
    amount: Decimal
    currency: str = ""


def items_of(content: bytes) -> Iterator[PreviewItem]:
    """Yield every amount, while the file is read: it can be long.

    Raises:
        ZuoraRefused: It is not such a file, or an amount in it cannot be read.
    """
    known = False
    try:
        for lines in _files(content):
            rows = csv.DictReader(lines)
            columns = {_plain(name): name for name in rows.fieldnames or () if name}
            if not _is_data(columns):
                continue  # the list of accounts that failed
            known = True
            for row in rows:
                yield from _items(columns, row)
    except _UNREADABLE:
        raise ZuoraRefused("The file of Zuora's preview run could not be read.") from None
    if not known:
        raise ZuoraRefused("The file of Zuora's preview run has no amounts that are known.")


def _files(content: bytes) -> Iterator[IO[str]]:
    if not content.startswith(ZIP):
        yield io.StringIO(content.decode("utf-8-sig"), newline="")
        return
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        files = packed.infolist()  # no more is unpacked than the size given here
        if len(files) > MOST_FILES or sum(file.file_size for file in files) > MOST_UNPACKED:
            raise ZuoraRefused("The file of Zuora's preview run is too long to add up.")
        for name in packed.namelist():
            with packed.open(name) as file:
                yield io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


def _plain(name: str) -> str:
    """Return `Invoice Item: Charge Amount` and `InvoiceItem.ChargeAmount` in one form."""
    return re.sub(r"[^a-z]", "", name.lower())


def _is_data(columns: Mapping[str, str]) -> bool:
    return any(name in columns for name in _ACCOUNT) and any(
        name in columns for name in (*_CHARGE, *_CREDIT)
    )


def _items(columns: Mapping[str, str], row: Mapping[str, str]) -> Iterator[PreviewItem]:
    account = _cell(columns, row, _ACCOUNT)
    currency = _cell(columns, row, _CURRENCY).upper()
    is_tax = _cell(columns, row, _TYPE).lower() == "tax"
    amounts: tuple[tuple[ItemKind, tuple[str, ...]], ...] = (
        ("tax" if is_tax else "charge", _CHARGE), ("tax", _TAX), ("credit", _CREDIT),
    )  # fmt: skip
    for what, names in amounts:
        if said := _cell(columns, row, names):
            yield PreviewItem(account, what, _amount(said), currency)


def _cell(columns: Mapping[str, str], row: Mapping[str, str], names: tuple[str, ...]) -> str:
    column = next((columns[name] for name in names if name in columns), "")
    return (row.get(column) or "").strip() if column else ""


def _amount(said: str) -> Decimal:
    """Return a finite decimal of plausible size.

    Raises:
        ValueError: It is no finite number, or too long to be money.
    """
    amount = Decimal(said)
    if not amount.is_finite() or abs(amount.adjusted()) > MOST_DIGITS:
        msg = f"{said} is not an amount"
        raise ValueError(msg)
    return amount
