"""What the catalogue says of one checkpoint, and how a family's file is read."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import CardError, UnknownKeyError
from ..published import PublishedFile
from ..schema import find_fault, parse_json

__all__ = ["CatalogEntry", "Terms", "find_entry", "list_entries", "make_card"]

_FOLDER = Path(__file__).parent
_SCHEMA = "schema.json"


@dataclass(frozen=True)
class Terms:
    """Under which terms a checkpoint may be used.

    Args:
        name: Of the license that is to be assumed.
        conflict: What else is said of it elsewhere; empty if nothing is.
        terms: What it forbids or asks for, in a sentence or two.
    """

    name: str
    conflict: str
    terms: str

    @property
    def title(self) -> str:
        """The license with what contradicts it."""
        return f"{self.name}; {self.conflict}" if self.conflict else self.name


@dataclass(frozen=True)
class CatalogEntry:
    """One published checkpoint.

    Args:
        id: Its name, and that of the model which is made of it.
        family: Title of the family, such as the paper's method.
        title: Shown to people.
        summary: What it is, in a sentence or two.
        license: Under which terms.
        source: Paper, repository and the like; "facts" says where the numbers come from.
        training_data: What it was trained on.
        leakage: On which data it must not be measured, and why.
        unverified: What nobody has checked yet, one sentence each.
        organs: Keys of the organs whose tumors it finds or paints.
        files: What is fetched.
        importer: "plain", "nnunet", "nnunet_v1" or "bundle": in which format it comes; "none" if it
            cannot become a model.
        unsupported: Why not, if it cannot.
        configuration: Which of several networks in its files; empty if there is one.
        reported: What its authors measured, on what; not checked here.
        parameters: How many the network has; None where that is not known.
        template: Sections of the model card, weights left out; None where the file itself says all.
        method: Key of the synthesis method whose weights these are; empty for a model.
    """

    id: str
    family: str
    title: str
    summary: str
    license: Terms
    source: Mapping[str, str]
    training_data: str
    leakage: str
    unverified: tuple[str, ...]
    organs: tuple[str, ...]
    files: tuple[PublishedFile, ...]
    importer: str
    unsupported: str
    configuration: str
    reported: tuple[Mapping[str, Any], ...]
    parameters: int | None
    template: Mapping[str, Any] | None
    method: str

    @property
    def megabytes(self) -> int:
        """About how large its files are together; 0 where that is not known."""
        sizes = [published.megabytes for published in self.files]
        return sum(sizes) if all(sizes) else 0


@functools.cache
def list_entries() -> tuple[CatalogEntry, ...]:
    """Read the catalogue.

    Returns:
        Every entry, family after family by file name.

    Raises:
        CardError: If a file of it is malformed or two entries have one id.
    """
    paths = sorted(path for path in _FOLDER.glob("*.json") if path.name != _SCHEMA)
    entries = tuple(entry for path in paths for entry in _read_family(path))
    ids = [entry.id for entry in entries]
    for name in ids:
        if ids.count(name) > 1:
            msg = f"Two entries of the catalogue have the id '{name}'."
            raise CardError(msg)
    return entries


def find_entry(entry_id: str) -> CatalogEntry:
    """Find a published checkpoint.

    Args:
        entry_id: Such as "difftumor-unet-liver".

    Returns:
        Its entry.

    Raises:
        UnknownKeyError: If there is none of this id.
    """
    entries = {entry.id: entry for entry in list_entries()}
    if entry_id not in entries:
        raise UnknownKeyError("published model", entry_id, entries)
    return entries[entry_id]


def make_card(entry: CatalogEntry) -> dict[str, Any]:
    """Make of an entry what is known of its model card.

    Args:
        entry: The checkpoint.

    Returns:
        The card as JSON values, without its weights; without network, input and the like where
        the file itself says them.
    """
    return {
        "schema": 1,
        "id": entry.id,
        "title": entry.title,
        "version": "1",
        "summary": entry.summary,
        "license": entry.license.title,
        "source": dict(entry.source),
        **(entry.template or {}),
        "evaluation": [],
        "limits": f"Not for clinical use. {entry.license.terms} {entry.leakage}".strip(),
    }


def _read_family(path: Path) -> Iterator[CatalogEntry]:
    data = parse_json(path.read_text(encoding="utf-8"))
    fault = find_fault(data, _schema())
    if fault is not None:
        msg = f"The catalogue's file {path.name} cannot be used: {fault}."
        raise CardError(msg)
    for model in data["models"]:
        yield _make_entry(data, model)


def _make_entry(family: Mapping[str, Any], model: Mapping[str, Any]) -> CatalogEntry:
    terms = Terms(**family["license"])
    parts = {**family.get("card", {}), **model.get("card", {})}
    return CatalogEntry(
        id=model["id"],
        family=family["title"],
        title=model["title"],
        summary=model["summary"],
        license=terms,
        source=family["source"],
        training_data=family["training_data"],
        leakage=family["leakage"],
        unverified=(*family.get("unverified", ()), *model.get("unverified", ())),
        organs=tuple(model["organs"]),
        files=tuple(_make_file(family, model, terms, row) for row in model["files"]),
        importer=model.get("importer", family["importer"]),
        unsupported=model.get("unsupported", family.get("unsupported", "")),
        configuration=model.get("configuration", ""),
        reported=tuple(model.get("reported", ())),
        parameters=model.get("parameters"),
        template=parts or None,
        method=family.get("method", ""),
    )


def _make_file(
    family: Mapping[str, Any], model: Mapping[str, Any], terms: Terms, row: Mapping[str, Any]
) -> PublishedFile:
    low, high = model.get("diameters_mm", (0.0, None))
    return PublishedFile(
        method=family.get("method", ""),
        name=row["name"],
        url=row["url"],
        license=terms.title,
        megabytes=row["megabytes"] or 0,
        sha256=row["sha256"] or "",
        terms=terms.terms,
        domains=tuple(family["domains"]),
        organs=tuple(model["organs"]),
        diameters_mm=(low, math.inf if high is None else high),
        model="" if family.get("method") else model["id"],
    )


@functools.cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = parse_json((_FOLDER / _SCHEMA).read_text(encoding="utf-8"))
    return schema
