"""Stands in for the worker's `batch` in tests; see `FakeWorker`.

The words are read with the real command's parser, and the events are the real ones. A case named
"bad..." fails for good, one named "flaky..." the first time only. The journal is a text file here:
nobody but the worker reads it. `ATLASTUMOR_FAKE=hang` hangs over the second case.
"""

import argparse
import csv
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import FakeWorker

from atlastumor.cli import batch

Cases = dict[str, dict[str, Any]]

_JOURNAL = "journal.sqlite"
_ENDINGS = (".nii.gz", ".nrrd")
_REASON = "The scan has 3 slices; 16 are needed."


def main(words: list[str]) -> int:
    """Do what the words after "batch" say; gives the exit code."""
    parser = argparse.ArgumentParser()
    subparser = batch.add_parser(parser.add_subparsers(required=True))
    subparser.add_argument("--json-progress", action="store_true", required=True)
    options = parser.parse_args(["batch", *words])
    if options.output is not None:
        return _list(options) if options.list else _segment(options, options.output)
    verb, folder = options.inputs[0], Path(options.inputs[1])
    if verb == "retry-failed":
        return _segment(options, folder, isRetry=True)
    if verb == "status":
        for case in _read(folder).values():
            FakeWorker.emit(event="case", **case)
    files = [folder / "dashboard.html"] if verb == "report" else []
    for path in files:
        path.write_text("<html>A report</html>", encoding="utf-8")
    FakeWorker.emit(event="result", directory=str(folder), files=[str(path) for path in files])
    return 0


def _list(options: argparse.Namespace) -> int:
    """Find cases only; one DICOM series is left out."""
    cases = _find(options.inputs)
    choice = {"case": "-", "taken": "no", "series": "1.2.3", "slices": 2, "rule": "localizer"}
    FakeWorker.emit(event="table", rows=[choice])
    rows = [{"case": one["id"], "megabytes": 1.0, "path": one["path"]} for one in cases.values()]
    FakeWorker.emit(event="table", rows=rows)
    foreseen = {"cases": len(cases), "workers": 2, "hours": 0.5, "gigabytes": 3.0}
    FakeWorker.emit(event="document", data=foreseen)
    return 0


def _segment(options: argparse.Namespace, folder: Path, *, isRetry: bool = False) -> int:
    """Segment what is left; as with the real one, failed cases are an error after the result."""
    cases = _read(folder)
    cases |= {key: case for key, case in _find(options.inputs).items() if key not in cases}
    folder.mkdir(exist_ok=True)
    for case in cases.values():
        if isRetry and case["state"] == "quarantined":
            case |= {"state": "waiting", "reason": ""}
    left = [case for case in cases.values() if case["state"] not in ("done", "quarantined")]
    for number, case in enumerate(left):
        _tellProgress(cases)
        case["state"] = "running"
        _write(cases, folder)
        if number == 1 and os.environ.get("ATLASTUMOR_FAKE") == "hang":
            FakeWorker.hang()
        time.sleep(float(os.environ.get("ATLASTUMOR_FAKE_PAUSE", "0")))
        _end(case, folder, options, isRetry=isRetry)
        _write(cases, folder)
        told = {key: case[key] for key in ("id", "state", "reason", "seconds")}
        FakeWorker.emit(event="case", **told)
    _tellProgress(cases)
    counts = Counter(case["state"] for case in cases.values())
    FakeWorker.emit(event="result", directory=str(folder), files=[], counts=counts, problems=[])
    if not counts["quarantined"]:
        return 0
    message = f"{counts['quarantined']} of {len(cases)} cases failed."
    FakeWorker.emit(event="error", kind="AtlasTumorError", message=message, exit_code=3)
    return 3


def _tellProgress(cases: Cases) -> None:
    counts = Counter(case["state"] for case in cases.values())
    ended = counts["done"] + counts["quarantined"]
    FakeWorker.emit(
        event="progress",
        fraction=ended / len(cases),
        stage=f"{ended} of {len(cases)} cases, {counts['quarantined']} failed",
        seconds_left=60.0 * (len(cases) - ended) if ended else None,
    )


def _find(inputs: list[str]) -> Cases:
    """Find scans in folders, files and manifests."""
    found: dict[str, Path] = {}
    for path in map(Path, inputs):
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                found |= {row["id"]: path.parent / row["path"] for row in csv.DictReader(file)}
            continue
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        scans = [one for one in files if one.name.endswith(_ENDINGS)]
        found |= {one.name.removesuffix(".nii.gz").removesuffix(".nrrd"): one for one in scans}
    return {
        key: {"id": key, "state": "waiting", "path": str(path), "series": None}
        | {"seconds": None, "lesions": {}, "reason": ""}
        for key, path in found.items()
    }


def _end(case: dict[str, Any], folder: Path, options: argparse.Namespace, *, isRetry: bool) -> None:
    """Write the result of a case, or say why there is none."""
    if case["id"].startswith("bad") or (case["id"].startswith("flaky") and not isRetry):
        case |= {"state": "quarantined", "reason": _REASON}
        return
    place = folder / "cases" / case["id"]
    place.mkdir(parents=True)
    given = argparse.Namespace(**vars(options) | {"input": case["path"]})
    lesions = FakeWorker.write_results(given, place, "result")
    counts = Counter(lesion.organ for lesion in lesions)
    case |= {"state": "done", "seconds": 12.5, "lesions": counts}


def _read(folder: Path) -> Cases:
    path = folder / _JOURNAL
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(cases: Cases, folder: Path) -> None:
    """Write the journal by one rename: others read it meanwhile."""
    fresh = folder / "fresh.txt"
    fresh.write_text(json.dumps(cases), encoding="utf-8")
    fresh.replace(folder / _JOURNAL)
