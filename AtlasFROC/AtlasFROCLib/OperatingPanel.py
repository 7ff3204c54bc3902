"""The threshold of an organ: tabs, chart, slider, presets and numbers, all in step."""

import qt
from slicer.i18n import tr as _

from atlastumor.detection.choice import Choice
from atlastumor.detection.rules import HIT_RULES
from atlastumor.organs import find_organ
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Signal import Signal

from .Chart import Chart
from .Cohort import MeasuredCohort
from .Curves import OrganCurve
from .Logic import AtlasFROCLogic
from .Numbers import describePoint

__all__ = ["OperatingPanel"]

_BANDS_MS = 50
"""Lets the curve appear before its bands are computed."""
_FP_BUTTONS = {"oneFpButton": 1.0, "twoFpButton": 2.0, "fourFpButton": 4.0}


class OperatingPanel:
    """Shows the current curve and lets people choose its threshold.

    Args:
        ui: The widgets of the .ui file.
        logic: Whose curve it is.

    Attributes:
        changed: Emitted when the user chose another organ, rule or threshold.
        chart: The chart.
    """

    def __init__(self, ui: object, logic: AtlasFROCLogic) -> None:
        """Make chart and tabs and connect everything."""
        self.changed = Signal()
        self._ui, self._logic = ui, logic
        self.chart = Chart()
        self.chart.rowChosen.connect(self._onRow)
        ui.chartLayout.addWidget(self.chart)
        self._tabs = qt.QTabBar()
        self._tabs.toolTip = _("The organ whose threshold is chosen.")
        self._tabs.connect("currentChanged(int)", self._onTab)
        ui.organsLayout.addWidget(self._tabs)
        self._timer = qt.QTimer()
        self._timer.singleShot = True
        self._timer.interval = _BANDS_MS
        self._timer.connect("timeout()", self._computeBands)
        self._connect()
        self._onCohort(logic.cohort)

    def showTarget(self, target: float) -> None:
        """Mark a sensitivity as the one to reach."""
        self.chart.target = target
        self.chart.update()
        self._ui.sensitivityButton.text = _("{percent} % sensitivity").format(
            percent=f"{100 * target:.4g}"
        )

    def showRule(self, name: str) -> None:
        """Show a hit rule that was chosen elsewhere."""
        box = self._ui.hitRuleComboBox
        wasBlocked = box.blockSignals(True)
        box.currentIndex = box.findData(name)
        box.blockSignals(wasBlocked)

    @property
    def rule(self) -> str:
        """Name of the chosen hit rule."""
        box = self._ui.hitRuleComboBox
        return str(box.itemData(box.currentIndex))

    @property
    def reason(self) -> str:
        """Why the current threshold was chosen, in words; empty if by hand."""
        return self._logic.curve.reason if self._logic.curve is not None else ""

    def stop(self) -> None:
        """Compute nothing more; the panel is about to go."""
        self._timer.stop()

    def _connect(self) -> None:
        ui, logic = self._ui, self._logic
        for rule in HIT_RULES.values():
            ui.hitRuleComboBox.addItem(rule.text.removeprefix("A lesion is found if "), rule.name)
        ui.hitRuleComboBox.setSizeAdjustPolicy(qt.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        ui.hitRuleComboBox.minimumContentsLength = 20
        ui.hitRuleComboBox.connect("currentIndexChanged(int)", lambda _index: self.changed.emit())
        ui.thresholdSlider.connect("valueChanged(int)", self._onRow)
        ui.thresholdSpinBox.connect("valueChanged(double)", self._onSpin)
        ui.sensitivityButton.connect("clicked(bool)", self._onSensitivity)
        for name, fp in _FP_BUTTONS.items():
            getattr(ui, name).connect("clicked(bool)", lambda _on, n=fp: self._onFp(n))
        logic.cohortChanged.connect(self._onCohort)
        logic.curveChanged.connect(self._onCurve)
        logic.thresholdChanged.connect(self._onThreshold)

    def _onCohort(self, cohort: MeasuredCohort | None) -> None:
        wasBlocked = self._tabs.blockSignals(True)
        while self._tabs.count:
            self._tabs.removeTab(0)
        for key in cohort.organs if cohort else ():
            self._tabs.setTabData(self._tabs.addTab(_(find_organ(key).name)), key)
        self._tabs.blockSignals(wasBlocked)
        self._onCurve(self._logic.curve)

    def _onCurve(self, curve: OrganCurve | None) -> None:
        ui = self._ui
        isSomething = curve is not None and bool(curve.curve.thresholds.size)
        for name in ("thresholdSlider", "thresholdSpinBox", "sensitivityButton", *_FP_BUTTONS):
            getattr(ui, name).enabled = isSomething
        for name in ("saveButton", "figureButton", "tableButton"):
            getattr(ui, name).enabled = isSomething
        if isSomething:
            thresholds = curve.curve.thresholds
            slider, spin = ui.thresholdSlider, ui.thresholdSpinBox
            for widget in (slider, spin):
                widget.blockSignals(True)
            slider.minimum, slider.maximum = 0, thresholds.size - 1
            spin.minimum, spin.maximum = float(thresholds[-1]), float(thresholds[0])
            for widget in (slider, spin):
                widget.blockSignals(False)
            if curve.bands is None:
                self._timer.start()
        if curve is not None:
            wasBlocked = self._tabs.blockSignals(True)
            self._tabs.currentIndex = list(self._logic.cohort.organs).index(curve.organ)
            self._tabs.blockSignals(wasBlocked)
        self._onThreshold(self._logic.threshold)

    def _onThreshold(self, threshold: float | None) -> None:
        ui, curve = self._ui, self._logic.curve
        if curve is not None and threshold is not None and curve.row >= 0:
            for widget, value in (
                (ui.thresholdSlider, curve.row),
                (ui.thresholdSpinBox, float(curve.curve.thresholds[curve.row])),
            ):
                wasBlocked = widget.blockSignals(True)
                widget.value = value
                widget.blockSignals(wasBlocked)
        self.chart.showCurve(curve)
        _setText(ui.numbersLabel, describePoint(curve, self.reason))

    def _computeBands(self) -> None:
        self._logic.computeBands(self.chart.target or 0.9)

    def _onTab(self, index: int) -> None:
        if index >= 0:
            try:
                self._logic.setOrgan(str(self._tabs.tabData(index)))
            except Exception as error:  # noqa: BLE001 - its case may be unreadable for this organ
                showError(error)
            self.changed.emit()

    def _onRow(self, row: int) -> None:
        self._choose(float(self._logic.curve.curve.thresholds[row]), "")

    def _onSpin(self, value: float) -> None:
        curve = self._logic.curve.curve
        row = max(curve.row_at(value), 0)
        self._choose(float(curve.thresholds[row]), "")

    def _onSensitivity(self, _isChecked: bool) -> None:
        self._onChoice(self._logic.curve.chooseSensitivity(self.chart.target or 0.9))

    def _onFp(self, fpPerScan: float) -> None:
        self._onChoice(self._logic.curve.chooseFalsePositives(fpPerScan))

    def _onChoice(self, choice: Choice) -> None:
        point = choice.chosen_or_best
        threshold = point.threshold if point else self._logic.threshold
        self._choose(threshold, choice.reason)

    def _choose(self, threshold: float | None, reason: str) -> None:
        self._logic.setThreshold(threshold, reason)
        self.changed.emit()


def _setText(label: "qt.QLabel", text: str) -> None:
    """Set a text of several lines; a collapsible section would else press them together."""
    label.text = text
    if label.visible:
        label.minimumHeight = label.heightForWidth(label.width)
