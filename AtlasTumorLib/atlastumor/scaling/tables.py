"""A study for spreadsheets and programs: `rows.csv`, `values.csv` and `study.json`."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from .. import __version__
from ..batch.cases import Problem
from ..provenance import creation_time, to_plain
from ..results.tables import NOTICE
from .analysis import Curve, Gain, Study
from .estimating import Estimate
from .measuring import Row
from .metrics import METRICS

__all__ = ["describe_study", "write_rows", "write_study", "write_values"]

_CELL = ("n", "fold", "seed")


def write_rows(path: Path, study: Study) -> None:
    """Write a row per cell, held-out scan and organ.

    Args:
        path: The .csv file, UTF-8; what there is no number for is left empty.
        study: What to write.
    """
    names = [field.name for field in fields(Row)]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*_CELL, *names])
        for result in study.results:
            for row in result.rows:
                cells = [_to_text(getattr(row, name)) for name in names]
                table.writerow([*_tell_cell(result.cell), *cells])


def write_values(path: Path, study: Study) -> None:
    """Write every metric of every cell, a row each.

    Args:
        path: The .csv file, UTF-8; what there is no number for is left empty.
        study: What to write.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["set", "organ", "metric", *_CELL, "value"])
        for curve in study.curves.values():
            for seed, values in zip(study.config.seeds, curve.seeds, strict=True):
                for n, value in zip(curve.sizes, values, strict=True):
                    names = (curve.set, curve.organ, curve.metric)
                    table.writerow([*names, n, f"{curve.fold:g}", seed, _to_text(float(value))])


def _tell_cell(cell: Any) -> tuple[Any, ...]:
    return cell.n, f"{cell.fold:g}", cell.seed


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)


def write_study(path: Path, study: Study, problems: Iterable[Problem]) -> None:
    """Write everything that is said about a study, as JSON.

    Args:
        path: The file.
        study: What to write.
        problems: Of cells that failed.
    """
    text = json.dumps(describe_study(study, problems), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def describe_study(study: Study, problems: Iterable[Problem]) -> dict[str, Any]:
    """Give the whole study as what JSON can hold: definitions first, then numbers.

    Args:
        study: What to describe.
        problems: Of cells that failed.

    Returns:
        NaN and infinities are None in it; an estimate says in words which of them it was.
    """
    config = study.config
    record: dict[str, Any] = to_plain(
        {
            "schema": "atlastumor-scaling/1",
            "notice": NOTICE,
            "created": creation_time(),
            "software": f"AtlasTumor {__version__}",
            "settings": {
                **config.record(),
                "sizes": config.sizes,
                "folds": config.folds,
                "seeds": config.seeds,
                "gain": config.gain,
                "samples": config.samples,
            },
            "definitions": {key: metric.meaning for key, metric in METRICS.items()},
            "fit": "1 - metric = a n^-b + c; a >= 0, 0.05 <= b <= 2, c >= 0; least squares over "
            "the means of the sizes; c is 0 where three sizes are known, "
            "unless their mean (a = 0) is nearer",
            "patients": study.n_patients,
            "cells": [{**asdict(result.cell), **result.facts} for result in study.results],
            "missing_cells": study.n_cells - len(study.results),
            "curves": [_describe_curve(curve) for curve in study.curves.values()],
            "gains": [_describe_gain(gain) for gain in study.gains.values()],
            "problems": [asdict(problem) for problem in problems],
        }
    )
    return record


def _describe_curve(curve: Curve) -> dict[str, Any]:
    law = None
    if curve.law is not None:
        law = {name: float(getattr(curve.law, name)[0]) for name in ("a", "b", "c")}
    return {
        "set": curve.set,
        "organ": curve.organ,
        "metric": curve.metric,
        "fold": curve.fold,
        "sizes": curve.sizes,
        "mean": curve.mean,
        "low": curve.interval[0],
        "high": curve.interval[1],
        "seeds": curve.seeds,
        "law": law,
        "plateau": _describe_estimate(curve.plateau),
    }


def _describe_gain(gain: Gain) -> dict[str, Any]:
    return {
        "set": gain.set,
        "organ": gain.organ,
        "metric": gain.metric,
        "fold": gain.fold,
        "sizes": gain.sizes,
        "mean": gain.mean,
        "low": gain.interval[0],
        "high": gain.interval[1],
        "equal_share": _describe_estimate(gain.equal),
    }


def _describe_estimate(estimate: Estimate | None) -> Mapping[str, Any] | None:
    if estimate is None:
        return None
    return {"state": estimate.state, **asdict(estimate), "text": estimate.tell()}
