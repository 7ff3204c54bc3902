"""One scan or a cohort: the tabs, and what else of the panel belongs to either."""

from AtlasTumorSlicer.Signal import Signal

__all__ = ["TaskTabs"]


class TaskTabs:
    """Shows what belongs to the chosen tab; organs, model and result belong to both.

    Args:
        ui: The widgets of the .ui file.

    Attributes:
        cohortChosen: Emitted when the tab of the cohort was chosen.
    """

    def __init__(self, ui: object) -> None:
        """Show the tab of one scan."""
        self.cohortChosen = Signal()
        # A page whose content is hidden asks for no room: else both are as high as the higher one.
        self._ofScan = ui.scanInputsWidget, ui.scanRunWidget
        self._ofCohort = ui.cohortInputsWidget, ui.cohortRunWidget
        ui.taskTabWidget.connect("currentChanged(int)", self._onTab)
        self._onTab(0)

    def _onTab(self, chosen: int) -> None:
        isCohort = bool(chosen)
        for widget in self._ofScan:
            widget.visible = not isCohort
        for widget in self._ofCohort:
            widget.visible = isCohort
        if isCohort:
            self.cohortChosen.emit()
