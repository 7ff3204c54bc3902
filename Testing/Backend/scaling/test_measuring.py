"""What a model was never taught counts as not found, and what a cell asks for can be learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from atlastumor.batch.cases import Problem
from atlastumor.batch.scoring import EvaluationOptions
from atlastumor.collections import Annotation, CollectionCase
from atlastumor.cotraining.config import TrainingConfig
from atlastumor.errors import InputError
from atlastumor.organs import select_organs
from atlastumor.scaling import measuring, study
from atlastumor.scaling.cells import Cell, CellResult, CellTask
from atlastumor.scaling.config import ScalingConfig
from atlastumor.scaling.measuring import _measure, measure_cases
from atlastumor.scaling.patients import Patients
from atlastumor.scaling.running import Finished
from atlastumor.training.channels import list_outputs
from Backend.cotraining.tiny_cohort import SIDE, write_case

LIVER = frozenset({"liver"})
FACTS = {"step_seconds": 6.0, "evaluation_seconds": 2.0}


def make_task(*cases: CollectionCase) -> CellTask:
    training = TrainingConfig((), Path("none"), organs=("liver", "pancreas"))
    held_out = {"set": (CollectionCase("held", Path("held")),)}
    options = EvaluationOptions()
    return CellTask(
        Cell(2, 0.0, 1), Path("none"), Path("none"), training, cases, held_out, options, ""
    )


def test_tumors_that_the_subset_does_not_teach_are_not_found_rather_than_left_out(
    tmp_path: Path,
) -> None:
    blank = np.zeros((SIDE,) * 3, np.uint8)
    found = Mock(labels=Mock(array=blank))
    found.probabilities = {"kidney": Mock(to_grid=lambda _: blank.astype(np.float16))}
    segmenter = Mock()
    segmenter.card.outputs = list_outputs(select_organs(["kidney"]))
    segmenter.segment.return_value = found
    case = write_case(tmp_path, "ill", 0, tumor=True)

    liver, kidney = _measure(segmenter, "set", case, EvaluationOptions())

    assert (liver.organ, liver.dsc, liver.n_lesions, liver.n_found) == ("liver", 0.0, 1, 0)
    assert (liver.score, liver.n_false, liver.is_clear) == (0.0, 0, False)
    assert (kidney.organ, kidney.is_clear) == ("kidney", True)


def test_a_damaged_line_of_the_journal_costs_its_own_scan_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {"set": [CollectionCase(name, Path(name)) for name in ("one", "two")]}
    measured = Mock(return_value=())
    monkeypatch.setattr(measuring, "Segmenter", Mock())
    monkeypatch.setattr(measuring, "_measure", measured)
    journal = tmp_path / "scores.jsonl"

    def measure() -> int:
        measured.reset_mock()
        card = Mock(weights=Mock(sha256="same"))
        options = EvaluationOptions()
        outcomes = measure_cases(card, tmp_path, cases, options, journal=journal, device="cpu")
        assert len(list(outcomes)) == 2
        return measured.call_count

    before = measure()
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("\0" * 20 + "\n" + lines[1])  # as a lost block of a disk reads

    assert (before, measure(), measure()) == (2, 1, 0)


def test_a_cell_asks_only_for_organs_that_its_subset_teaches() -> None:
    task = make_task(CollectionCase("one", Path("one"), (), Annotation(LIVER)))

    assert task.configure().organs == ("liver",)
    assert replace(task, training=replace(task.training, organs=None)).configure().organs is None


def test_the_trial_learns_from_a_scan_that_teaches_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare, known = (CollectionCase(name, Path(name)) for name in ("bare", "known"))
    known = replace(known, annotated=Annotation(LIVER))
    run = Mock(return_value=Mock(facts=FACTS))
    monkeypatch.setattr(study, "run_cell", run)

    plan = study.foresee([make_task(bare, known)])

    [[trial]] = [call.args for call in run.call_args_list]
    assert trial.cases == (known,)
    assert plan.step_seconds == 1.0


def test_a_study_of_which_nothing_could_be_measured_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = TrainingConfig((), Path("none"))
    config = ScalingConfig((), {"set": Path("none")}, (1,), (0.0,), (1,), training)
    case = CollectionCase("one", Path("one"), (), Annotation(LIVER))
    cell = CellResult(Cell(1, 0.0, 1), (), (Problem("held", "It is damaged."),), {})
    monkeypatch.setattr(study, "run_cells", Mock(return_value=Finished((cell,), ())))

    with pytest.raises(InputError, match=r"could be measured\. The last: held: It is damaged\."):
        study.run_study(config, Patients(((case,),), {"set": (case,)}), tmp_path)
