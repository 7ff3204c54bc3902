"""A check box and a threshold for every row of the organ table."""

from collections.abc import Mapping

import qt
from slicer.i18n import tr as _

from atlastumor.organs import ORGANS
from AtlasTumorSlicer.Signal import Signal

__all__ = ["OrgansPanel"]

_COLUMNS = 3
_MODELS_OWN = 0.0


class OrgansPanel:
    """Fills two empty layouts and tells what is chosen in them.

    Args:
        boxesLayout: A grid, for the check boxes.
        thresholdsLayout: A form, for the thresholds.

    Attributes:
        changed: Emitted when the user changes anything.
    """

    def __init__(self, boxesLayout: "qt.QGridLayout", thresholdsLayout: "qt.QFormLayout") -> None:
        """Make the widgets."""
        self.changed = Signal()
        self._boxes: dict[str, qt.QCheckBox] = {}
        self._spins: dict[str, qt.QDoubleSpinBox] = {}
        self._isShowing = False
        for number, organ in enumerate(ORGANS):
            box = qt.QCheckBox(_(organ.name))
            box.objectName = f"{organ.key}CheckBox"
            box.toolTip = _("Look for tumors of this organ.")
            box.connect("toggled(bool)", self._onChanged)
            boxesLayout.addWidget(box, number // _COLUMNS, number % _COLUMNS)
            self._boxes[organ.key] = box
            spin = _makeSpin(organ.key)
            spin.connect("valueChanged(double)", self._onChanged)
            thresholdsLayout.addRow(_("{organ} threshold:").format(organ=_(organ.name)), spin)
            self._spins[organ.key] = spin

    @property
    def organs(self) -> list[str]:
        """Keys of the checked organs, in table order."""
        return [key for key, box in self._boxes.items() if box.checked]

    @property
    def thresholds(self) -> dict[str, float]:
        """Thresholds that the user set, by organ key."""
        values = {key: round(spin.value, 2) for key, spin in self._spins.items()}
        return {key: value for key, value in values.items() if value != _MODELS_OWN}

    def show(self, organs: list[str], thresholds: Mapping[str, float]) -> None:
        """Show what was chosen elsewhere, without emitting `changed`."""
        self._isShowing = True
        for key, box in self._boxes.items():
            box.checked = key in organs
        for key, spin in self._spins.items():
            spin.value = thresholds.get(key, _MODELS_OWN)
        self._isShowing = False

    def checkAll(self, isChecked: bool) -> None:
        """Check or uncheck every organ, as one change."""
        self.show(list(self._boxes) if isChecked else [], self.thresholds)
        self.changed.emit()

    def _onChanged(self, _value: object = None) -> None:
        if not self._isShowing:
            self.changed.emit()


def _makeSpin(key: str) -> "qt.QDoubleSpinBox":
    spin = qt.QDoubleSpinBox()
    spin.objectName = f"{key}ThresholdSpinBox"
    spin.minimum, spin.maximum, spin.singleStep, spin.decimals = _MODELS_OWN, 1.0, 0.05, 2
    spin.specialValueText = _("as the model says")
    spin.toolTip = _(
        "Call a voxel tumor from this probability on. Lower finds more and invents more. "
        "At its lowest, the model's own threshold holds."
    )
    return spin
