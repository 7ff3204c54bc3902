"""What AtlasTumorSynth's panel says when the model has looked at a tumor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from Slicer.synth_case import CENTERS_RAS, click


def test_a_tumor_that_is_found_before_it_is_there_is_rejected_in_plain_words(
    a_synth_panel: Any, settle: Any
) -> None:
    panel, ui = a_synth_panel, a_synth_panel.ui
    panel.logic.workerCommand = [str(Path(__file__).with_name("pleased_worker.py"))]
    click(panel, CENTERS_RAS["liver"])
    settle()

    ui.judgeButton.click()
    settle()

    text = ui.messageLabel.text
    assert "The model finds 100% again: 0 of 1 would be kept." in text
    assert text.endswith(
        "The model finds 100% of it in the scan without it, too, so that its answer is about the "
        "place."
    )
    assert panel.logic.state.preview[0].quality == 1.0
    assert ui.historyTable.item(0, 5).text() == "100%"
