"""Thresholds from an operating-point file: loading it, saying what it is, and taking it away."""

import html
from pathlib import Path

import qt
from slicer.i18n import tr as _

from atlastumor.detection.operating_point import (
    OperatingPoint,
    load_operating_points,
    thresholds_for,
)
from atlastumor.errors import AtlasTumorError
from atlastumor.models.card import find_card
from atlastumor.organs import find_organ
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Signal import Signal

from .OperatingPoints import readOperatingPoints

__all__ = ["OperatingPanel"]


class OperatingPanel:
    """Shows the operating point that is in use.

    Args:
        label: Says what it is.
        loadButton: Loads a file.
        removeButton: Goes back to the model's own thresholds.

    Attributes:
        changed: Emitted when the user loads another one or takes it away.
        text: Content of the file; empty for none.
        obstacle: Why it cannot be used with the chosen model; empty if it can, or there is none.
    """

    def __init__(
        self, label: "qt.QLabel", loadButton: "qt.QPushButton", removeButton: "qt.QPushButton"
    ) -> None:
        """Start without one."""
        self.changed = Signal()
        self.text = self.obstacle = ""
        self._model = ""
        self._label, self._removeButton = label, removeButton
        loadButton.connect("clicked(bool)", self._onLoad)
        removeButton.connect("clicked(bool)", self._onRemove)

    def show(self, text: str, model: str) -> None:
        """Show what was chosen elsewhere, without emitting `changed`.

        Args:
            text: Content of the file; empty for none.
            model: Id of the chosen model.
        """
        if (text, model) == (self.text, self._model) and self._label.text:
            return
        self.text, self._model = text, model
        self._removeButton.enabled = bool(text)
        self.obstacle = _findObstacle(text, model)
        self._label.text = html.escape(self.obstacle) if self.obstacle else _describe(text)

    def _onLoad(self, _isChecked: bool) -> None:
        path = qt.QFileDialog.getOpenFileName(
            None, _("Load operating point"), "", _("Operating points (*.json)")
        )
        if not path:
            return
        try:
            thresholds_for(load_operating_points(Path(path)), find_card(self._model))
            text = Path(path).read_text(encoding="utf-8")
        except (AtlasTumorError, OSError) as error:
            showError(error)
            return
        self._change(text)

    def _onRemove(self, _isChecked: bool) -> None:
        self._change("")

    def _change(self, text: str) -> None:
        self.show(text, self._model)
        self.changed.emit()


def _findObstacle(text: str, model: str) -> str:
    if not text:
        return ""
    try:
        thresholds_for(readOperatingPoints(text), find_card(model))
    except AtlasTumorError as error:
        return str(error)
    return ""


def _describe(text: str) -> str:
    if not text:
        return _("none: the model's own thresholds")
    return "<br>".join(_describePoint(point) for point in readOperatingPoints(text))


def _describePoint(point: OperatingPoint) -> str:
    return _(
        "<b>{organ} {threshold}</b>: {sensitivity} of {n} lesions, {fp} FP per scan on '{data}'"
    ).format(
        organ=html.escape(_(find_organ(point.organ).name)),
        threshold=f"{point.threshold:.4g}",
        sensitivity=f"{point.sensitivity:.1%}",
        n=point.n_lesions,
        fp=f"{point.fp_per_scan:.3g}",
        data=html.escape(point.data_set),
    )
