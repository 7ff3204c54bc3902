"""A cohort as a JSON file: what `atlastumor collect` writes and training reads.

    {
      "schema": "atlastumor-cohort", "schema_version": 1,
      "cases": [
        {
          "id": "pancreas_001",
          "scan": "Task07_Pancreas/imagesTr/pancreas_001.nii.gz",
          "labels": [
            {"file": "Task07_Pancreas/labelsTr/pancreas_001.nii.gz",
             "values": {"1": [6], "2": [28]}}
          ],
          "annotated": {"organs": ["pancreas"], "tumors": ["pancreas"]},
          "fingerprint": "0014d2a6...",
          "split": "train"
        }
      ],
      "problems": [{"case": "pancreas_002", "message": "..."}],
      "notes": ["..."]
    }

Paths are relative to the file's own folder where they lie below it, else absolute. `values` are
those of `LabelFile`. `fingerprint`, `split`, `problems` and `notes` may be left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..batch.cases import Problem
from ..errors import InputError, OutputError
from ..models.schema import find_fault
from ..organs import KEYS, ORGANS, label_names
from ..scans.input_files import make_text, name_of
from .cases import SPLITS, UNKNOWN, Annotation, Collection, CollectionCase, LabelFile
from .documents import read_document

__all__ = ["SCHEMA", "SCHEMA_VERSION", "read_cohort", "write_cohort"]

SCHEMA = "atlastumor-cohort"
SCHEMA_VERSION = 1


def _table(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """A table of these keys; of others, a misspelled `split` would train on what is set aside."""
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


_PAIRS = [organ.labels for organ in ORGANS if len(organ.labels) > 1]
_TEXT = {"type": "string", "minLength": 1}
_KEYS = {"type": "array", "items": {"enum": list(KEYS)}}
_VALUES = {
    "type": "object",
    "additionalProperties": {
        "type": "array",
        "items": {"enum": [*label_names(), UNKNOWN]},
        "maxItems": 2,
    },
}
_LABELS = {"type": "array", "items": _table(("file", "values"), file=_TEXT, values=_VALUES)}
_CASE = _table(
    ("id", "scan", "labels", "annotated"),
    id=_TEXT,
    scan=_TEXT,
    labels=_LABELS,
    annotated=_table(("organs", "tumors"), organs=_KEYS, tumors=_KEYS),
    fingerprint={"type": "string", "pattern": "^([0-9a-f]{16})*$"},
    split={"enum": list(SPLITS)},
)
_PROBLEM = _table(("case", "message"), case=_TEXT, message=_TEXT)
_DOCUMENT = _table(
    ("schema", "schema_version", "cases"),
    schema={"enum": [SCHEMA]},
    schema_version={"enum": [SCHEMA_VERSION]},
    cases={"type": "array", "items": _CASE},
    problems={"type": "array", "items": _PROBLEM},
    notes={"type": "array", "items": _TEXT},
)


def write_cohort(path: Path, collection: Collection) -> Path:
    """Write a cohort, whole or not at all.

    Args:
        path: The `.json` file; an earlier one is replaced.
        collection: Its cases, problems and notes.

    Returns:
        The same path.

    Raises:
        OutputError: If it cannot be written.
    """
    home = path.parent.resolve()  # a link at `path` is replaced, so what it led to is no home
    lists: dict[str, list[Any]] = {
        "cases": [_describe(case, home) for case in collection.cases],
        "problems": [
            {"case": make_text(one.case), "message": make_text(one.message)}
            for one in collection.problems
        ],
        "notes": [make_text(note) for note in collection.notes],
    }
    part = path.with_name(f".{path.name}.part")
    try:
        home.mkdir(parents=True, exist_ok=True)
        part.write_text(_lay_out(lists), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"{name_of(path)} cannot be written: {error.strerror}. Name another file."
        raise OutputError(msg) from error
    return path


def _lay_out(lists: Mapping[str, list[Any]]) -> str:
    """One line for each case: to be read, searched and compared by line."""
    head = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION}
    parts = [f'"{name}": {json.dumps(value)}' for name, value in head.items()]
    for name, items in lists.items():
        lines = ",".join(f"\n    {json.dumps(item, ensure_ascii=False)}" for item in items)
        parts.append(f'"{name}": [{lines}\n  ]' if items else f'"{name}": []')
    inner = ",\n  ".join(parts)
    return f"{{\n  {inner}\n}}\n"


def _describe(case: CollectionCase, home: Path) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": case.id,
        "scan": _shorten(case.scan, home),
        "labels": [
            {"file": _shorten(one.path, home), "values": {str(n): v for n, v in one.values.items()}}
            for one in case.labels
        ],
        "annotated": {
            name: [key for key in KEYS if key in getattr(case.annotated, name)]
            for name in ("organs", "tumors")
        },
    }
    given = {"fingerprint": case.fingerprint, "split": case.split}
    return record | {name: value for name, value in given.items() if value}


def _shorten(path: Path, home: Path) -> str:
    """Name a file as the cohort does; a link keeps its own name, whose ending may count."""
    path = path.parent.resolve() / path.name
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def read_cohort(path: Path) -> Collection:
    """Read a cohort; its files are not opened.

    Args:
        path: What `write_cohort` wrote, or a file like it.

    Returns:
        Its cases, problems and notes.

    Raises:
        InputError: If it cannot be read or is no cohort; the message names the first fault.
    """
    document = read_document(path, give="a cohort as `atlastumor collect` writes it")
    fault = find_fault(document, _DOCUMENT, "cohort") or _find_conflict(document["cases"])
    if fault:
        msg = f"{name_of(path)} is no cohort: {fault}. Write one with `atlastumor collect`."
        raise InputError(msg)
    home = path.resolve().parent
    return Collection(
        tuple(_restore(record, home) for record in document["cases"]),
        tuple(Problem(one["case"], one["message"]) for one in document.get("problems", ())),
        tuple(document.get("notes", ())),
    )


def _find_conflict(cases: Sequence[Mapping[str, Any]]) -> str:
    """Say where a case contradicts itself or another; empty if none does."""
    twice = [name for name, n in Counter(record["id"] for record in cases).items() if n > 1]
    if twice:
        return f"the id '{twice[0]}' comes twice"
    return next((f"{record['id']}: {fault}" for record in cases if (fault := _fault(record))), "")


def _fault(record: Mapping[str, Any]) -> str:
    given: set[int] = set()
    for file in record["labels"]:
        for value, ours in file["values"].items():
            if not _is_value(value):
                return f"'{value}' is no value from 0 to 255"
            if len(ours) > 1 and tuple(ours) not in _PAIRS:
                return f"value {value} is {ours}, which are no two halves of one organ"
            given |= set(ours)
    # A scan may be known to be without tumors, so that no value needs to mean one.
    said = [organ for organ in ORGANS if organ.key in record["annotated"]["organs"]]
    unmeant = [organ.key for organ in said if not given & set(organ.labels)]
    return f"'{unmeant[0]}' is annotated as an organ, but no value means it" if unmeant else ""


def _is_value(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 4 and int(text) <= 255


def _restore(record: Mapping[str, Any], home: Path) -> CollectionCase:
    files = (
        LabelFile(home / one["file"], {int(value): tuple(v) for value, v in one["values"].items()})
        for one in record["labels"]
    )
    said = record["annotated"]
    return CollectionCase(
        record["id"],
        home / record["scan"],
        tuple(files),
        Annotation(frozenset(said["organs"]), frozenset(said["tumors"])),
        record.get("fingerprint", ""),
        record.get("split", ""),
    )
