"""The folder that `atlastumor realism` writes, complete or not at all."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ... import __version__
from ...provenance import creation_time, to_plain
from ...results.folder import check_output, result_folder
from ...results.staging import MANIFEST, SCHEMA
from ...results.tables import NOTICE, SCHEMA_VERSION, identify
from .comparison import Comparison, OrganComparison
from .features import FEATURES
from .figure import write_embedding, write_pairs
from .report import make_report

__all__ = ["DISTANCE_COLUMNS", "FEATURE_COLUMNS", "describe", "write_comparison"]

FEATURE_COLUMNS = ("kind", "case", "organ", "tumor", "r", "a", "s", *(f.key for f in FEATURES))
DISTANCE_COLUMNS = ("organ", "feature", "distance", "value", "low", "high", "by_chance")


def write_comparison(comparison: Comparison, directory: Path) -> list[Path]:
    """Write tables, pictures, report and record.

    Args:
        comparison: What to write.
        directory: As for `check_output`; an earlier result in it is replaced.

    Returns:
        The files, the manifest last.

    Raises:
        OutputError: If the folder cannot be written to; an earlier result is then unchanged.
    """
    directory = check_output(directory)
    with result_folder(directory) as folder:
        _write_table(folder / "features.csv", FEATURE_COLUMNS, _list_features(comparison))
        _write_table(folder / "distances.csv", DISTANCE_COLUMNS, _list_distances(comparison))
        _write_json(folder / "realism.json", describe(comparison))
        pictures = {"embedding": folder / "embedding.png"}
        write_embedding(pictures["embedding"], comparison)
        for one in comparison.organs:
            pictures[one.organ] = folder / f"pairs-{one.organ}.png"
            write_pairs(pictures[one.organ], one)
        text = make_report(comparison, pictures)
        (folder / "report.html").write_text(text, encoding="utf-8")
        names = sorted(path.name for path in folder.iterdir())
        manifest = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "kind": "realism",
            "notice": NOTICE,
            "files": {name: identify(folder / name) for name in names},
        }
        _write_json(folder / MANIFEST, manifest)
    return [directory / name for name in (*names, MANIFEST)]


def describe(comparison: Comparison) -> dict[str, Any]:
    """Give the whole comparison as what JSON can hold: definitions first, then numbers.

    Args:
        comparison: What to describe.

    Returns:
        NaN is None in it.
    """
    plane = comparison.plane
    record: dict[str, Any] = to_plain(
        {
            "schema": "atlastumor-realism/1",
            "notice": NOTICE,
            "created": creation_time(),
            "software": f"AtlasTumor {__version__}",
            "options": {"bootstrap": comparison.n_samples, "seed": comparison.seed},
            "features": [asdict(feature) for feature in FEATURES],
            "organs": {one.organ: _describe_organ(one) for one in comparison.organs},
            "embedding": {
                "kind": "principal components of features standardized by the real tumors",
                "shares": plane.shares.tolist(),
                "axes": plane.axes.tolist(),
            },
            "tumors": [
                {
                    "kind": tumor.kind,
                    "case": tumor.case,
                    "organ": tumor.organ,
                    "tumor": tumor.index,
                    "center_ras": tumor.center_ras,
                    "point": point.tolist(),
                    **tumor.features,
                }
                for tumor, point in zip(comparison.tumors, plane.points, strict=True)
            ],
            "problems": [asdict(problem) for problem in comparison.problems],
        }
    )
    return record


def _describe_organ(one: OrganComparison) -> dict[str, Any]:
    return {
        "n_real": one.n_real,
        "n_synthetic": one.n_synthetic,
        "told_apart": one.area,
        "wasserstein_sd": {key: asdict(distance) for key, distance in one.wasserstein.items()},
        "ks": {key: asdict(distance) for key, distance in one.ks.items()},
        "pairs": [
            {"real": [a.case, a.index], "synthetic": [b.case, b.index], "apart_sd": apart}
            for a, b, apart in one.pairs
        ],
    }


def _list_features(comparison: Comparison) -> Iterator[list[str]]:
    for tumor in comparison.tumors:
        place = [f"{x:.1f}" for x in tumor.center_ras]
        values = [_to_text(tumor.features[feature.key]) for feature in FEATURES]
        yield [tumor.kind, tumor.case, tumor.organ, str(tumor.index), *place, *values]


def _list_distances(comparison: Comparison) -> Iterator[list[str]]:
    for one in comparison.organs:
        for feature in FEATURES:
            for name, distances in (("wasserstein_sd", one.wasserstein), ("ks", one.ks)):
                numbers = asdict(distances[feature.key]).values()
                yield [one.organ, feature.key, name, *map(_to_text, numbers)]
        yield [one.organ, "all but size", "told_apart", _to_text(one.area), "", "", ""]


def _write_table(path: Path, columns: Iterable[str], rows: Iterable[list[str]]) -> None:
    """Write a UTF-8 CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def _write_json(path: Path, record: dict[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _to_text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
