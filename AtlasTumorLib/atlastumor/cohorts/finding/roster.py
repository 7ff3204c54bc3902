"""The cases of a cohort while it is being found: none twice, each with a name of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...batch.cases import Problem
from ...errors import InputError
from ...progress import CancelToken, Progress, ignore_progress
from ..case import CohortCase
from ..series_choice import SeriesChoice, choose_series
from .dicom import read_series
from .folders import Contents
from .ids import hash_text, make_ids
from .places import Entry
from .series import FoundSeries

__all__ = ["Found", "Roster"]

_UID_CHARS = 16

Key = tuple[Path, str]
NamedFiles = tuple[tuple[str, ...], list[Entry]]


@dataclass(frozen=True)
class Found:
    """A cohort as it was found.

    Args:
        cases: By id.
        problems: Of what cannot be used: the file, folder or line, and why.
        choices: Every DICOM series, whether it is taken and why; by study and number.
        left_out: Label maps, their folders, and results of ours that lie among the scans.
    """

    cases: tuple[CohortCase, ...]
    problems: tuple[Problem, ...] = ()
    choices: tuple[SeriesChoice, ...] = ()
    left_out: tuple[Path, ...] = ()


@dataclass
class Roster:
    """Cases by file and series UID, and the names they may go by.

    Args:
        cases: Ids are given at the end.
        names: Their own, their folder's, and so on up.
        given: Ids that a manifest gave.
        owners: Whose these are, by the id without regard to case.
        places: Where each series is read, by its UID, though it may be in several places.
        choices: By series UID.
        left_out: Files and folders of labels and results.
        problems: So far.
    """

    cases: dict[Key, CohortCase] = field(default_factory=dict)
    names: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    given: dict[Key, str] = field(default_factory=dict)
    owners: dict[str, Key] = field(default_factory=dict)
    places: dict[str, Key] = field(default_factory=dict)
    choices: dict[str, SeriesChoice] = field(default_factory=dict)
    left_out: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def add(
        self,
        contents: Contents,
        series: str,
        *,
        name: str = "",
        progress: Progress = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> int:
        """Add what files and folders hold.

        Args:
            contents: What they hold.
            series: "best", "all", or a series UID or its beginning.
            name: Id of the only case that it must make; empty for any number.
            progress: Told how far the reading of DICOM headers is.
            cancel: Stops it.

        Returns:
            How many scans they hold, those that were known before too.

        Raises:
            InputError: If no series has the UID, or a name is given and not one new case is there.
            Cancelled: If `cancel` was set.
        """
        self.problems += contents.problems
        self.left_out |= set(contents.left_out)
        found: dict[Key, NamedFiles] = {}
        for entry, names in contents.volumes:
            key = (entry.real, "")
            if key not in found or entry.real == entry.path:
                found[key] = (names, [entry])
        others, archives = (
            list({entry.real: entry for entry in reversed(entries)}.values())[::-1]
            for entries in (contents.others, contents.archives)
        )
        all_series, problems = read_series(others, archives, progress=progress, cancel=cancel)
        self.problems += problems
        choices, taken = _choose(_drop_neighbors(all_series, contents), series)
        found |= {self.places.setdefault(key[1], key): value for key, value in taken.items()}
        if name and (found or (not problems and not contents.problems)):
            self._claim(name, list(found))
        for choice in choices:
            if choice.is_taken or choice.series.uid not in self.choices:
                self.choices[choice.series.uid] = choice
        for key, (names, files) in found.items():
            self.cases.setdefault(key, _make_case(key, files))
            self.names.setdefault(key, names)
        return len(found)

    def _claim(self, name: str, keys: Sequence[Key]) -> None:
        """Give the only case of a line its name."""
        if len(keys) != 1:
            msg = f"It names {len(keys)} scans to be called '{name}'. Give one, or its series."
            raise InputError(msg)
        key, earlier = keys[0], self.given.get(keys[0])
        if self.owners.setdefault(name.casefold(), key) != key:
            msg = f"The id '{name}' is given to two scans. Change one."
            raise InputError(msg)
        if earlier not in (None, name):
            msg = f"It is the scan that is called '{earlier}' before. Remove one of the lines."
            raise InputError(msg)
        self.given[key] = name

    def close(self) -> Found:
        """Name the cases and put all in order."""
        free = [key for key in self.cases if key not in self.given]
        files = [self.cases[key].path.name for key in free]
        ids = make_ids([self.names[key] for key in free], files, list(self.given.values()))
        named = self.given | dict(zip(free, ids, strict=True))
        cases = [replace(case, id=named[key]) for key, case in self.cases.items()]
        uids = {uid: named[path, uid] for path, uid in self.cases}
        choices = sorted(
            (replace(one, case=uids.get(one.series.uid, "")) for one in self.choices.values()),
            key=lambda one: (one.series.study, one.series.number, one.series.uid),
        )
        problems = (*self.problems, *_find_empty_studies(choices))
        return Found(
            tuple(sorted(cases, key=lambda case: case.id)),
            tuple(dict.fromkeys(replace(one, case=_show(one.case)) for one in problems)),
            tuple(choices),
            tuple(sorted(self.left_out - {case.path for case in cases})),
        )


def _choose(
    found: Sequence[FoundSeries], wanted: str
) -> tuple[list[SeriesChoice], dict[Key, NamedFiles]]:
    """Choose series, and say where each that is taken can be read."""
    facts = [one.describe() for one in found]
    by_uid = {fact.uid: one for fact, one in zip(facts, found, strict=True)}
    choices = choose_series(facts, wanted)
    taken = [choice.series.uid for choice in choices if choice.is_taken]
    if choices and wanted not in ("best", "all") and not taken:
        msg = f"No CT series has a UID that begins with '{wanted}'. See them with --list."
        raise InputError(msg)
    folders = {entry.path.parent for one in found if not one.archive for entry in one.files}
    inner = {above for folder in folders for above in folder.parents}
    return choices, {
        (_find_path(by_uid[uid], inner), uid): ((_name_series(uid),), by_uid[uid].files)
        for uid in taken
    }


def _show(name: str) -> str:
    """A name in what can be printed; names of files need be no text."""
    return "".join(char if char.isprintable() else "?" for char in name)


def _drop_neighbors(found: Iterable[FoundSeries], contents: Contents) -> list[FoundSeries]:
    """Leave out series of which no file was named."""
    nobody = set(contents.neighbors)
    return [one for one in found if any(entry.path not in nobody for entry in one.files)]


def _make_case(key: Key, files: Sequence[Entry]) -> CohortCase:
    path, uid = key
    return CohortCase(
        id="",
        path=path if uid else files[0].path,
        series=uid or None,
        size_bytes=sum(entry.size_bytes for entry in files),
        modified_ns=max(entry.modified_ns for entry in files),
    )


def _find_path(found: FoundSeries, inner: set[Path]) -> Path:
    """What `read_scan` is to be given: as little as holds the whole series.

    Args:
        found: The series.
        inner: Folders below which there are others with DICOM.

    Returns:
        Its zip, its only file, its folder, one of its files if there is more below its folder, or
        the folder that all of its folders are in.
    """
    if found.archive is not None:
        return found.archive.path
    folders = {entry.path.parent for entry in found.files}
    if len(folders) > 1:
        return Path(os.path.commonpath(folders))
    folder = next(iter(folders))
    is_alone = len(found.files) > 1 and folder not in inner
    return folder if is_alone else found.files[0].path


def _name_series(uid: str) -> str:
    return f"dicom-{hash_text(uid, _UID_CHARS)}"


def _find_empty_studies(choices: Sequence[SeriesChoice]) -> list[Problem]:
    """Studies of which nothing is segmented."""
    rules: dict[str, list[str]] = {}
    for choice in choices:
        rules.setdefault(choice.series.study, []).append("" if choice.is_taken else choice.rule)
    return [
        Problem(
            f"study {study}",
            f"None of its series is taken ({'; '.join(dict.fromkeys(own))}). To take one all the "
            "same, name its UID.",
        )
        for study, own in rules.items()
        if all(own)
    ]
