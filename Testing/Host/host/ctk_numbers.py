"""Stand-ins of CTK's widgets for numbers (properties from the headers in `CTK/Libs/Widgets`)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QSlider, QWidget

from host.stand_in import Property, in_a_row, state, stored, with_setters

__all__ = [
    "ctkDoubleRangeSlider",
    "ctkDoubleSlider",
    "ctkDoubleSpinBox",
    "ctkRangeWidget",
    "ctkSliderWidget",
]

_STEPS = 1000
"""Positions of the drawn slider; the value itself is not rounded to them."""


def _bound(number: float) -> float:
    return max(-1e9, min(1e9, number))


class _Number(QWidget):
    """A number within limits, shown by a spin box and perhaps a slider."""

    valueChanged = Signal(float)
    host_has_slider = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        own = state(self)
        own.value, own.minimum, own.maximum = 0.0, 0.0, 99.0
        own.spin = QDoubleSpinBox()
        own.spin.valueChanged.connect(self._take)
        own.slider = QSlider(Qt.Horizontal) if self.host_has_slider else None
        if own.slider:
            own.slider.setMaximum(_STEPS)
            own.slider.sliderMoved.connect(self._slide)
        in_a_row(self, *[one for one in (own.slider, own.spin) if one])
        self._show()

    def _slide(self, position: int) -> None:
        own = state(self)
        self._take(own.minimum + (own.maximum - own.minimum) * position / _STEPS)

    def _show(self) -> None:
        own = state(self)
        for widget in filter(None, (own.spin, own.slider)):
            widget.blockSignals(True)
        own.spin.setDecimals(self.decimals)
        own.spin.setRange(_bound(own.minimum), _bound(own.maximum))
        own.spin.setSingleStep(self.singleStep)
        own.spin.setPrefix(self.prefix)
        own.spin.setSuffix(self.suffix)
        own.spin.setValue(_bound(own.value))
        width = own.maximum - own.minimum
        if own.slider and 0 < width < math.inf:
            own.slider.setValue(round((own.value - own.minimum) / width * _STEPS))
        for widget in filter(None, (own.spin, own.slider)):
            widget.blockSignals(False)

    def _take(self, number: float) -> None:
        own = state(self)
        number = round(min(own.maximum, max(own.minimum, float(number))), self.decimals)
        if number != own.value:
            own.value = number
            self._show()
            self.valueChanged.emit(number)

    def _limit(self, name: str, number: float) -> None:
        own = state(self)
        setattr(own, name, float(number))
        if name == "minimum":
            own.maximum = max(own.maximum, own.minimum)
        else:
            own.minimum = min(own.minimum, own.maximum)
        self._take(own.value)
        self._show()

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set both limits."""
        self.minimum = minimum
        self.maximum = maximum

    def _refresh(self, _value: Any) -> None:
        self._show()

    value = Property(float, lambda self: state(self).value, _take)
    minimum = Property(
        float, lambda self: state(self).minimum, lambda self, number: self._limit("minimum", number)
    )
    maximum = Property(
        float, lambda self: state(self).maximum, lambda self, number: self._limit("maximum", number)
    )
    decimals = stored("decimals", int, 2, _refresh)
    singleStep = stored("singleStep", float, 1.0, _refresh)
    prefix = stored("prefix", str, "", _refresh)
    suffix = stored("suffix", str, "", _refresh)

    def setValue(self, value: float) -> None:
        """Set the number; it is kept within the limits."""
        self.value = value

    def setMinimum(self, value: float) -> None:
        """Set the lower limit."""
        self.minimum = value

    def setMaximum(self, value: float) -> None:
        """Set the upper limit."""
        self.maximum = value

    def setDecimals(self, value: int) -> None:
        """Set the number of decimals."""
        self.decimals = value

    def setSingleStep(self, value: float) -> None:
        """Set the step of one arrow click."""
        self.singleStep = value


@with_setters
class ctkDoubleSpinBox(_Number):
    """A spin box for any number."""

    host_signals: ClassVar = {"valueChanged(double)": "valueChanged"}
    readOnly = stored("readOnly", bool, False)


@with_setters
class ctkDoubleSlider(_Number):
    """A slider for any number."""

    host_has_slider = True
    host_signals: ClassVar = {"valueChanged(double)": "valueChanged"}
    tracking = stored("tracking", bool, True)


@with_setters
class ctkSliderWidget(_Number):
    """A slider with a spin box."""

    host_has_slider = True
    valueIsChanging = Signal(float)
    host_signals: ClassVar = {
        "valueChanged(double)": "valueChanged",
        "valueIsChanging(double)": "valueIsChanging",
    }
    pageStep = stored("pageStep", float, 10.0)
    tickInterval = stored("tickInterval", float, 0.0)
    tracking = stored("tracking", bool, True)
    spinBoxVisible = stored(
        "spinBoxVisible", bool, True, lambda self, shown: state(self).spin.setVisible(shown)
    )
    popupSlider = stored("popupSlider", bool, False)
    invertedAppearance = stored("invertedAppearance", bool, False)
    invertedControls = stored("invertedControls", bool, False)


@with_setters
class ctkRangeWidget(QWidget):
    """Two numbers within limits, the first not above the second."""

    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    host_signals: ClassVar = {
        "valuesChanged(double,double)": "valuesChanged",
        "minimumValueChanged(double)": "minimumValueChanged",
        "maximumValueChanged(double)": "maximumValueChanged",
    }

    def _keep_inside(self, _value: Any) -> None:
        self.setValues(self.minimumValue, self.maximumValue)

    minimum = stored("minimum", float, 0.0, _keep_inside)
    maximum = stored("maximum", float, 99.0, _keep_inside)
    decimals = stored("decimals", int, 2)
    singleStep = stored("singleStep", float, 1.0)
    minimumValue = Property(
        float,
        lambda self: getattr(state(self), "low", 0.0),
        lambda self, value: self.setValues(value, self.maximumValue),
    )
    maximumValue = Property(
        float,
        lambda self: getattr(state(self), "high", 99.0),
        lambda self, value: self.setValues(self.minimumValue, value),
    )

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set the limits."""
        self.minimum = minimum
        self.maximum = maximum

    def setValues(self, low: float, high: float) -> None:
        """Set both numbers; they are kept within the limits."""
        low = min(self.maximum, max(self.minimum, float(low)))
        high = min(self.maximum, max(low, float(high)))
        before = (self.minimumValue, self.maximumValue)
        state(self).low, state(self).high = low, high
        if before[0] != low:
            self.minimumValueChanged.emit(low)
        if before[1] != high:
            self.maximumValueChanged.emit(high)
        if before != (low, high):
            self.valuesChanged.emit(low, high)


@with_setters
class ctkDoubleRangeSlider(ctkRangeWidget):
    """The slider of a ctkRangeWidget alone."""
