"""The folder that `atlastumor evaluate` writes, complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from ..results.folder import check_output, result_folder
from ..results.staging import MANIFEST, SCHEMA
from ..results.tables import NOTICE, SCHEMA_VERSION, identify
from .evaluate import Evaluation
from .report import make_report
from .tables import describe, write_lesions, write_metrics

__all__ = ["write_evaluation"]


def write_evaluation(evaluation: Evaluation, directory: Path) -> list[Path]:
    """Write tables, report and record.

    Args:
        evaluation: What to write.
        directory: As for `check_output`; an earlier result in it is replaced.

    Returns:
        The files, the record last.

    Raises:
        OutputError: If the folder cannot be written to; an earlier result is then unchanged.
    """
    directory = check_output(directory)
    with result_folder(directory) as folder:
        write_metrics(folder / "metrics.csv", evaluation)
        write_lesions(folder / "lesions.csv", evaluation)
        _write_json(folder / "metrics.json", describe(evaluation))
        (folder / "report.html").write_text(make_report(evaluation), encoding="utf-8")
        names = sorted(path.name for path in folder.iterdir())
        manifest = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "kind": "evaluation",
            "notice": NOTICE,
            "files": {name: identify(folder / name) for name in names},
        }
        _write_json(folder / MANIFEST, manifest)
    return [directory / name for name in (*names, MANIFEST)]


def _write_json(path: Path, record: dict[str, object]) -> None:
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
