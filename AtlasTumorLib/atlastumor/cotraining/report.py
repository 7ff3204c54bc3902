"""What a person reads after a run: one page in Markdown and two figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..batch.cases import Problem
from ..organs import KEYS, find_organ
from .history import Table

__all__ = ["RunFacts", "write_report"]

_INCHES = (7.0, 4.0)
_DPI = 120
_WINDOW = 50
Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class RunFacts:
    """What the tables do not say.

    Args:
        model: Id of the model.
        device: What it was trained on, in words.
        batch: Patches of a step.
        n_train: Training cases that were used.
        n_validation: Validation cases.
        notes: Sentences about the run, such as where its weights are from.
        problems: Cases that were skipped, and why.
    """

    model: str
    device: str
    batch: int
    n_train: int
    n_validation: int
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


def write_report(folder: Path, facts: RunFacts, steps: Table, validation: Table) -> list[Path]:
    """Write the report.

    Args:
        folder: Where it goes.
        facts: What the tables do not say.
        steps: The steps' table.
        validation: The validations' table.

    Returns:
        `report.md` and the figures that it shows.
    """
    done, looked = steps.rows(), validation.rows()
    figures = [_draw_loss(folder / "loss.png", done)]
    if looked:
        figures.append(_draw_dice(folder / "dice.png", looked))
    blocks = [
        [f"# Training of {facts.model}"],
        ["Not for clinical use."],
        _list_facts(facts, done),
        *([f"![{path.stem} by step]({path.name})"] for path in figures),
        _list_validation(facts, looked),
        _list_problems(facts.problems),
    ]
    path = folder / "report.md"
    part = path.with_name(".report.part")
    part.write_text("\n\n".join("\n".join(block) for block in blocks) + "\n", encoding="utf-8")
    part.replace(path)
    return [path, *figures]


def _column(rows: Rows, name: str) -> npt.NDArray[np.float64]:
    return np.array([float(row[name]) for row in rows])


def _list_facts(facts: RunFacts, rows: Rows) -> list[str]:
    seconds, waited = _column(rows, "seconds").sum(), _column(rows, "waited").sum()
    n_patches = len(rows) * facts.batch
    made, lost = int(_column(rows, "made").sum()), int(_column(rows, "no_room").sum())
    lines = [
        *facts.notes,
        f"Cases: {facts.n_train} to learn from, {facts.n_validation} to validate with.",
        f"Steps: {len(rows)} of {facts.batch} patches, in {seconds / 3600:.2f} h on "
        f"{facts.device}.",
    ]
    if n_patches:
        lines += [
            f"Speed: {n_patches / seconds:.2f} patches/s; {waited / seconds:.0%} of the time went "
            "into waiting for patches.",
            f"Synthetic tumors: in {made} of {n_patches} patches; {lost} more were to have one and "
            "had no room for it, or it was not found again.",
        ]
    return [f"- {line}" for line in lines]


def _list_validation(facts: RunFacts, rows: Rows) -> list[str]:
    if not rows:
        reason = "could be measured" if facts.n_validation else "was set aside"
        return [f"No validation case {reason}: how good the model is, is not known."]
    last = [row for row in rows if row["step"] == rows[-1]["step"]]
    head = ["organ", "cases", "Dice", "lesions", "found", "false positives"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in last:
        name = find_organ(row["organ"]).name if row["organ"] in KEYS else row["organ"]
        cells = (name, row["cases"], f"{float(row['dice']):.3f}", row["lesions"], row["found"])
        lines.append("| " + " | ".join((*cells, row["false_positives"])) + " |")
    return [f"Validation after step {rows[-1]['step']}:", "", *lines]


def _list_problems(problems: Sequence[Problem]) -> list[str]:
    if not problems:
        return ["No case was skipped."]
    return ["Skipped:", "", *(f"- {one.case}: {one.message}" for one in problems)]


def _draw_loss(path: Path, rows: Rows) -> Path:
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.add_subplot()
    step, loss = _column(rows, "step"), _column(rows, "loss")
    axes.plot(step, loss, color="#c8d4e0", linewidth=0.7, label="each step")
    if len(loss) >= _WINDOW:
        mean = np.convolve(loss, np.full(_WINDOW, 1 / _WINDOW), "valid")
        axes.plot(step[_WINDOW - 1 :], mean, color="#1f4e79", label=f"mean of {_WINDOW}")
    axes.set(xlabel="Step", ylabel="Loss")
    axes.legend(frameon=False)
    return _save(figure, path)


def _draw_dice(path: Path, rows: Rows) -> Path:
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.add_subplot()
    for key in [key for key in KEYS if any(row["organ"] == key for row in rows)]:
        own = [row for row in rows if row["organ"] == key]
        organ = find_organ(key)
        color = tuple(value / 255 for value in organ.tumor_color)
        axes.plot(_column(own, "step"), _column(own, "dice"), ".-", color=color, label=organ.name)
    axes.set(xlabel="Step", ylabel="Dice of validation cases", ylim=(0.0, 1.0))
    axes.legend(frameon=False)
    return _save(figure, path)


def _save(figure: Figure, path: Path) -> Path:
    with mpl.rc_context({"font.family": "DejaVu Sans"}):
        FigureCanvasAgg(figure)
        figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    return path
