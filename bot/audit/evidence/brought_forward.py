"""Exceptions of earlier packages that were open when the package before ended, and what was explained of them since."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from traceback import clear_frames
from typing import Any

from bot.audit.elsewhere import BROUGHT, EXPLAINS, FIELDS, NOT_COMPARED, lines_of
from bot.audit.evidence.package import DAMAGED
from bot.audit.evidence.reconcile import Signed, covering, explanation_of, signed_of
from bot.audit.rows import Json
from bot.store.errors import StoreError
from bot.store.file.by_the_bot import Explanation


def read(previous: Path, signed: Signed, entities: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the exceptions of a package, and those that it brought forward, that no row up to its last explains.

    Args:
        previous: The package before.
        signed: The explanations that hold today.
        entities: The entity of each place, by its words.

    Raises:
        StoreError: The package is damaged.
    """
    try:
        return [*_read(previous, signed, entities)]
    except DAMAGED as error:
        clear_frames(error.__traceback__)  # this closes the files that they hold open
        raise StoreError(f"{previous} is no evidence, or is damaged: {error!r}.") from error


def _read(previous: Path, signed: Signed, entities: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(previous) as archive:
        about = json.loads(archive.read("chain.json"))
        manifest = sha256(archive.read("manifest.json")).hexdigest()
        named = {"start": about["start"], "end": about["end"], "manifest": manifest}
        own = (
            _exception(each) | {"package": named} for each in lines_of(archive, "exceptions.jsonl")
        )
        earlier = lines_of(archive, BROUGHT) if BROUGHT in archive.namelist() else ()
        for each in (*earlier, *own):
            known = {name: value for name, value in each.items() if name not in EXPLAINS}
            said = covering(known, known, _said(each, signed, entities))
            is_closed = any(one.row <= about["last"] for one in said)
            if known["what"] != NOT_COMPARED and not is_closed:
                yield known | explanation_of(said)


def _said(line: Json, signed: Signed, entities: Mapping[str, str]) -> Sequence[Explanation]:
    """Return what was signed of an exception.

    The row that explained it names its entity for good. The words of its place may mean nothing here: an entity may
    have another name today, and without Zuora's settings none may be known.
    """
    row, number = line.get("explained_in"), str(line.get("number"))
    by_row = (
        found
        for (of, _), found in signed.items()
        if of == number and any(each.row == row for each in found)
    )
    return next(by_row, None) or signed_of(line, signed, entities)


def _exception(found: Json) -> Json:
    return {name: found[name] for name in (*FIELDS, "explained_in") if name in found}
