"""What a cohort is made of, where its results go, and how series and formats are chosen."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from AtlasTumorSlicer.Signal import Signal

from .CohortInputs import CohortInputs
from .Parameters import Parameters, readMachine, writeMachine

__all__ = ["CohortChoices"]

_JOURNAL = "journal.sqlite"
_ALWAYS = "nifti"
_FORMATS = ("seg.nrrd", "dicom-seg", "dicom-sr", "dicom-sc")


class CohortChoices:
    """The upper half of the tab.

    Args:
        ui: The widgets of the .ui file.

    Attributes:
        changed: Emitted when inputs, rule or formats became others.
        folderChanged: Emitted when the folder of results became another.
        inputs: The list of scans.
    """

    def __init__(self, ui: object) -> None:
        """Show what was chosen the last time on this computer."""
        self.changed, self.folderChanged = Signal(), Signal()
        self._line, self._rule, self._formats = (
            ui.cohortFolderPathLineEdit,
            ui.seriesRuleComboBox,
            ui.formatsComboBox,
        )
        self._isShowing = False
        self.inputs = CohortInputs(ui)
        self.inputs.changed.connect(self.changed.emit)
        self._rule.addItem(_("best of each study"), "best")
        self._rule.addItem(_("all CT volumes"), "all")
        for name in _FORMATS:
            self._formats.addItem(name)
        self._line.currentPath = readMachine("cohortFolder")
        self._line.connect("currentPathChanged(QString)", self._onFolder)
        self._rule.connect("currentIndexChanged(int)", self._onChanged)
        self._formats.connect("checkedIndexesChanged()", self._onChanged)

    @property
    def folder(self) -> Path | None:
        """Where the results go; None if nothing was chosen."""
        text = str(self._line.currentPath).strip()
        return Path(text).expanduser() if text else None

    @property
    def isBegun(self) -> bool:
        """Whether there are results of a cohort in the folder."""
        return self.folder is not None and (self.folder / _JOURNAL).is_file()

    @property
    def series(self) -> str:
        """Which DICOM series are taken: "best" or "all"."""
        return str(self._rule.itemData(self._rule.currentIndex))

    @property
    def formats(self) -> list[str]:
        """What is written for each case."""
        return [_ALWAYS, *self._checked()]

    def show(self, parameters: Parameters) -> None:
        """Show what was chosen elsewhere, without emitting `changed`."""
        self._isShowing = True
        self._rule.currentIndex = max(0, self._rule.findData(parameters.seriesRule))
        model = self._formats.checkableModel()
        for row, name in enumerate(_FORMATS):
            isChecked = name in parameters.formats
            check = qt.Qt.Checked if isChecked else qt.Qt.Unchecked
            self._formats.setCheckState(model.index(row, 0), check)
        self._isShowing = False

    def write(self, parameters: Parameters) -> None:
        """Keep in the scene what belongs there; call it when `changed` was emitted."""
        with slicer.util.NodeModify(parameters):
            parameters.seriesRule = self.series
            parameters.formats = self._checked()

    def findObstacle(self) -> str:
        """Why no cohort can be started; empty if one can."""
        if not self.inputs.count:
            return _("Add scans first: a folder, files, or the scans of the scene.")
        if self.folder is None and self.inputs.paths:
            return _("Choose a folder for the results first.")
        return ""

    def _checked(self) -> list[str]:
        rows = {index.row() for index in self._formats.checkedIndexes()}
        return [name for row, name in enumerate(_FORMATS) if row in rows]

    def _onChanged(self, _value: object = None) -> None:
        if not self._isShowing:
            self.changed.emit()

    def _onFolder(self, path: str) -> None:
        writeMachine("cohortFolder", str(path))
        self.folderChanged.emit()
