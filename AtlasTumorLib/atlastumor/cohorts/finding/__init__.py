"""All scans of a cohort, from files, folders, data sets, DICOM trees, tables and wildcards.

What is a scan in a folder is said in `folders.py`, which DICOM series are taken in
`series_choice.py`. Scans are not opened; of DICOM the headers are read. The same file under two
names is one case.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from ...batch.cases import Problem
from ...errors import InputError
from ...progress import CancelToken, Progress, ignore_progress, part_of
from ...scans.input_files import name_of, require_path
from .gather import gather
from .ids import make_safe
from .manifest import ManifestLine, read_manifest
from .places import expand
from .roster import Found, Roster

__all__ = ["Found", "find_cohort"]


def find_cohort(
    inputs: Sequence[str | Path],
    *,
    series: str = "best",
    exclude: Collection[Path] = (),
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> Found:
    """Find the scans of a cohort.

    Args:
        inputs: In any mixture: scans in a file, zips of DICOM, folders of any depth, manifests
            (`.csv`, see `read_manifest`), and patterns with `*`, `?`, `[...]` and `**`.
        series: Which DICOM series of a study: "best", "all" that are eligible, or a series UID or
            its beginning. A manifest's own column counts more.
        exclude: Folders not to look into, such as that of the results.
        progress: Told how far the reading of DICOM headers is.
        cancel: Stops it.

    Returns:
        The cases, and what was left out and why. Ids depend on names and series UIDs alone.

    Raises:
        InputError: If an input is not there, or a manifest cannot be understood.
        Cancelled: If `cancel` was set.
    """
    roster = Roster()
    paths = dict.fromkeys(path for text in inputs for path in expand(str(text)))
    manifests = [path for path in paths if path.suffix.lower() == ".csv" and path.is_file()]
    lines = [line for path in manifests for line in read_manifest(path)]
    rest = [path for path in paths if path not in manifests]
    contents = gather(rest, exclude=exclude, cancel=cancel)
    first = part_of(progress, 0.0, 0.5 if lines else 1.0)
    roster.add(contents, series, progress=first, cancel=cancel)
    for n, line in enumerate(lines):
        progress(0.5 + 0.5 * n / len(lines), "Reading the manifest")
        if isinstance(line, Problem):
            roster.problems.append(line)
        else:
            _add_line(roster, line, series, cancel)
    return roster.close()


def _add_line(roster: Roster, line: ManifestLine, series: str, cancel: CancelToken | None) -> None:
    """Add what a line of a manifest names; what it names is a scan, whatever lies beside it."""
    try:
        if line.id and make_safe(line.id) != line.id:
            msg = (
                f"Its id '{line.id[:40]}' cannot name a folder everywhere; '{make_safe(line.id)}' "
                "could."
            )
            raise InputError(msg)
        contents = gather([require_path(line.path)], cancel=cancel, is_literal=True)
        if line.series and contents.volumes:
            msg = (
                f"{name_of(line.path)} is not DICOM, so it has no series. Leave that column empty."
            )
            raise InputError(msg)
        contents.problems = [replace(one, case=line.where) for one in contents.problems]
        n_problems = len(roster.problems)
        n_found = roster.add(contents, line.series or series, name=line.id, cancel=cancel)
        if not n_found and len(roster.problems) == n_problems:
            msg = f"{name_of(line.path)} holds no scan. Check the path, or remove the line."
            raise InputError(msg)
    except InputError as error:
        roster.problems.append(Problem(line.where, str(error)))
