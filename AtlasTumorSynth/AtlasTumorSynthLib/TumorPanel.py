"""The boxes that the .ui file cannot fill: from the backend's tables, and segments."""

from typing import Any

import qt
from slicer.i18n import tr as _

from atlastumor.organs import ORGANS
from atlastumor.synthesis.methods import METHODS
from atlastumor.synthesis.request import PAINTED
from atlastumor.synthesis.shapes import SHAPES
from AtlasTumorSlicer.Signal import Signal

from .Parameters import Parameters
from .Segments import listSegments

__all__ = ["TumorPanel"]


class TumorPanel:
    """Fills the boxes and tells what is chosen in them.

    Args:
        ui: The widgets of the .ui file.

    Attributes:
        changed: Emitted when the user chooses something else.
    """

    def __init__(self, ui: Any) -> None:
        """List organs, methods and shapes."""
        self.changed = Signal()
        self._ui = ui
        self._boxes = {
            "organ": ui.organComboBox,
            "method": ui.methodComboBox,
            "shape": ui.shapeComboBox,
            "segment": ui.segmentComboBox,
        }
        _fill(ui.organComboBox, {"": _("the one under the click")} | _organNames())
        _fill(ui.methodComboBox, {key: _(method.title) for key, method in METHODS.items()})
        shapes = {"": _("as suits the method")} | {key: _(key) for key in SHAPES}
        _fill(ui.shapeComboBox, shapes | {PAINTED: _("painted segment")})
        for box in self._boxes.values():
            box.connect("currentIndexChanged(int)", lambda _index: self.changed.emit())

    def show(self, parameters: Parameters) -> None:
        """Show what was chosen elsewhere, without emitting `changed`."""
        for name, box in self._boxes.items():
            wasBlocked = box.blockSignals(True)
            if name == "segment":  # others may have come or gone
                box.clear()
                _fill(box, {"": _("none")} | listSegments())
            box.currentIndex = box.findData(getattr(parameters, name))
            box.blockSignals(wasBlocked)
        isPainted = parameters.shape == PAINTED
        self._ui.diameterSlider.enabled = not isPainted
        self._ui.surpriseButton.text = _("As painted") if isPainted else _("Surprise me")
        self._ui.contrastSlider.enabled = not parameters.autoContrast

    def findObstacle(self, parameters: Parameters) -> str:
        """Why no such tumor can be placed; empty if one can."""
        if parameters.shape == PAINTED and not parameters.segment:
            return _("Choose the segment that is the tumor's shape.")
        return ""

    def write(self, parameters: Parameters) -> None:
        """Make what is chosen in the boxes the scene's choices."""
        for name, box in self._boxes.items():
            setattr(parameters, name, box.itemData(box.currentIndex) or "")


def _organNames() -> dict[str, str]:
    return {organ.key: _(organ.name) for organ in ORGANS}


def _fill(box: "qt.QComboBox", items: dict[str, str]) -> None:
    for key, text in items.items():
        box.addItem(text, key)
