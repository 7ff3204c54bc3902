"""Opening a case does not hold Slicer up, and can be thought better of at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def in_between(an_open_cohort: Any) -> Iterator[Callable[..., list[int]]]:
    """Give a function that has something done once, while the next case is being read."""
    import qt
    from AtlasFROCLib.CasesOpening import OPENINGS

    assert an_open_cohort.logic.case is None
    timers = []

    def plan(action: Callable[[], object]) -> list[int]:
        ticks: list[int] = []
        timer = qt.QTimer()
        timer.interval = 20

        def tick() -> None:
            if OPENINGS.isRunning:
                ticks.append(len(ticks))
                if len(ticks) == 2:
                    action()

        timer.connect("timeout()", tick)
        timer.start()
        timers.append(timer)
        return ticks

    yield plan
    for timer in timers:
        timer.stop()


def volumes() -> set[str]:
    import slicer

    return {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}


def leftovers() -> list[Path]:
    import slicer

    return list(Path(slicer.app.temporaryPath).glob("AtlasFROC-*"))


def click(panel: Any, row: int) -> None:
    panel.ui.casesTable.cellClicked.emit(row, 0)


def test_windows_live_while_a_case_is_read(
    an_open_cohort: Any, in_between: Callable[..., list[int]]
) -> None:
    ui, said = an_open_cohort.ui, []
    ticks = in_between(lambda: said.append((ui.caseLabel.text, _review(ui).enabled)))

    click(an_open_cohort, 0)

    assert len(ticks) > 3
    assert said == [("Opening the case ...", False)]
    assert an_open_cohort.logic.case.name == "alpha"
    assert _review(ui).enabled
    assert ui.caseLabel.text.startswith("<b>alpha</b>")
    assert not leftovers()


def test_another_case_chosen_meanwhile_takes_the_place(
    an_open_cohort: Any, a_slicer: Any, in_between: Callable[..., list[int]]
) -> None:
    in_between(lambda: click(an_open_cohort, 1))

    click(an_open_cohort, 0)

    assert an_open_cohort.logic.case.name == "beta"
    assert volumes() == {"beta", "beta liver probability"}
    assert an_open_cohort.widget._parameterNode.caseName == "beta"
    assert not a_slicer.user.seen
    assert not leftovers()


def test_another_organ_chosen_meanwhile_is_the_one_that_is_shown(
    an_open_cohort: Any, a_slicer: Any, in_between: Callable[..., list[int]]
) -> None:
    tabs = an_open_cohort.widget._operating._tabs
    in_between(lambda: setattr(tabs, "currentIndex", 1))

    click(an_open_cohort, 0)

    case = an_open_cohort.logic.case
    assert (case.name, case.organ) == ("alpha", "pancreas")
    assert volumes() == {"alpha", "alpha pancreas probability"}
    assert not a_slicer.user.seen


def test_closing_the_scene_meanwhile_leaves_nothing(
    an_open_cohort: Any, a_slicer: Any, in_between: Callable[..., list[int]]
) -> None:
    import slicer

    in_between(lambda: slicer.mrmlScene.Clear(0))

    click(an_open_cohort, 0)

    assert an_open_cohort.logic.case is None
    assert not volumes()
    assert an_open_cohort.ui.caseLabel.text == "No case is open."
    assert not a_slicer.user.seen
    assert not leftovers()


def test_what_is_wrong_with_a_case_is_said_by_its_worker(
    an_open_cohort: Any, a_slicer: Any, tmp_path: Path
) -> None:
    import shutil

    from AtlasFROCLib.Sources import FolderCohort

    source = an_open_cohort.logic._source
    for side in ("predictions", "references"):
        shutil.copytree(getattr(source, side) / "beta", tmp_path / side / "beta")
    path = tmp_path / "predictions" / "beta" / "probabilities" / "liver_tumor.nii.gz"
    path.write_bytes(path.read_bytes()[:300])
    an_open_cohort.logic._source = FolderCohort(tmp_path / "predictions", tmp_path / "references")

    click(an_open_cohort, 1)

    assert "is truncated or damaged" in a_slicer.user.seen[-1].text
    assert an_open_cohort.logic.case is None
    assert an_open_cohort.ui.caseLabel.text == "No case is open."
    assert not leftovers()


def _review(ui: Any) -> Any:
    return ui.reviewCollapsibleButton
