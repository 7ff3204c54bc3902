"""The section "Review" of the panel: turns buttons and keys into what a reader does."""

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from atlastumor.detection.operating_point import load_operating_points
from atlastumor.errors import InputError
from atlastumor.organs import find_organ
from atlastumor.review import ROLES, Basis, check_reader, make_basis, measure_times
from atlastumor.review.cases import basis_from_points, find_scans
from atlastumor.review.session import ReviewSession
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Install import MEASURING_PACKAGES, Installer

from .Logic import AtlasFROCLogic
from .ReviewActions import ReviewActions
from .ReviewEditor import openModule
from .ReviewExport import ReviewExport
from .ReviewKeys import ReviewKeys
from .ReviewTable import ReviewTable

__all__ = ["ReviewPanel"]

_MODULE = "AtlasFROC"
_UI = Path(__file__).parent.parent / "Resources" / "UI" / "AtlasFROCReview.ui"
_LINES = 5
_ROLE_TEXTS = {"remove-false-positives": "Remove false positives", "revise": "Revise"}


class ReviewPanel:
    """Begins and resumes reviews and shows where the reader is.

    Args:
        parent: The section, which has a layout.
        logic: Gives the thresholds chosen in the panel and says how the worker is started.
        installer: Makes sure that the packages are there; None asks for those of measuring.

    Attributes:
        ui: The widgets.
        actions: What the reader does.
    """

    def __init__(
        self, parent: "qt.QWidget", logic: AtlasFROCLogic, installer: Installer | None = None
    ) -> None:
        """Load the widgets and connect them."""
        self.installer = installer or Installer(packages=MEASURING_PACKAGES)
        self._logic = logic
        self._said: list[str] = []
        self._isOpen = False
        widget = slicer.util.loadUI(str(_UI))
        parent.layout().addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        self.actions = ReviewActions()
        self.actions.changed.connect(self._update)
        self.actions.said.connect(self._say)
        self._export = ReviewExport(self.ui, logic)
        self._table = ReviewTable(self.ui.candidateTable)
        self._table.chosen.connect(self._guarded(self.actions.choose))
        for role in ROLES:
            self.ui.roleComboBox.addItem(_(_ROLE_TEXTS[role]), role)
        self._connectActions()
        logic.cohortChanged.connect(lambda cohort: self._proposeFolders() if cohort else None)
        self._update()

    @property
    def session(self) -> ReviewSession | None:
        """The reader's work, or None before it begins."""
        return self.actions.session

    def enter(self) -> None:
        """The module is opened: keys work, and a border drawn meanwhile is taken back."""
        self._isOpen = True
        self._returnKey.remove()
        self._guarded(self.actions.comeBack)()
        self._proposeFolders()
        self._update()

    def exit(self) -> None:
        """The module is left: no time counts and no key works, unless a border is drawn."""
        self._isOpen = False
        self._keys.remove()
        self.actions.pause()
        if self.actions.editing.key:
            self._returnKey.install()

    def close(self) -> None:
        """End the work, before the panel or the scene goes."""
        self._export.cancel()
        self._guarded(self.actions.end)()
        for keys in (self._keys, self._returnKey):
            keys.remove()

    def begin(self) -> None:
        """Begin a review, or go on with one.

        Raises:
            InputError: If something is missing or does not fit the review that is there.
        """
        ui = self.ui
        who = check_reader(ui.readerLineEdit.text)
        predictions = _path(ui.predictionsPathLineEdit, _("the folder of the predictions"))
        folder = _path(ui.reviewPathLineEdit, _("the review folder"))
        self.installer.ensure()
        scans = find_scans(predictions)
        role = ui.roleComboBox.itemData(ui.roleComboBox.currentIndex)
        session = ReviewSession(folder, scans, self._makeBasis(scans), who=who, role=role)
        self._logic.closeCase()
        ui.organComboBox.clear()
        for organ in session.basis.thresholds:
            ui.organComboBox.addItem(_(find_organ(organ).name), organ)
        text = ui.scansPathLineEdit.currentPath
        ui.scanComboBox.clear()
        for name in session.names:
            ui.scanComboBox.addItem(name)
        self.actions.begin(session, Path(text) if text else None)
        ui.setupCollapsibleButton.collapsed = True

    def _makeBasis(self, scans: dict[str, Path]) -> Basis:
        """Thresholds of a file, else those chosen in the panel, with the model they belong to."""
        path = self.ui.pointsPathLineEdit.currentPath
        if path:
            points = load_operating_points(Path(path))
            return basis_from_points({point.organ: point for point in points}, scans)
        cohort = self._logic.cohort
        if cohort is None or not self._logic.thresholds:
            raise InputError(
                _(
                    "There is no threshold yet. Choose a file of operating points, or measure a "
                    "cohort above and choose a threshold."
                )
            )
        return make_basis(
            scans,
            model_id=cohort.modelId,
            weights_sha256=cohort.weightsSha256,
            thresholds=self._logic.thresholds,
            min_volume_mm3=cohort.options.min_volume_mm3,
        )

    def _connectActions(self) -> None:
        actions, ui = self.actions, self.ui
        called: dict[str, tuple[str, Callable[[], None]]] = {
            "accept": ("A", actions.accept),
            "reject": ("R", actions.reject),
            "undo": ("U", actions.undo),
            "next": ("N", actions.goOn),
            "add": ("M", self._addTumor),
            "border": ("B", actions.editBorder),
        }
        for name, (_key, function) in called.items():
            guarded = self._guarded(function)
            getattr(ui, f"{name}Button").connect("clicked()", guarded)
        self._keys = ReviewKeys({key: self._guarded(call) for key, call in called.values()})
        self._returnKey = ReviewKeys({"B": self._guarded(lambda: openModule(_MODULE))})
        ui.beginButton.connect("clicked()", self._guarded(self.begin))
        ui.scanComboBox.connect("activated(int)", self._guarded(self._onScan))

    def _addTumor(self) -> None:
        box = self.ui.organComboBox
        self.actions.addTumor(box.itemData(box.currentIndex))

    def _onScan(self, index: int) -> None:
        self.actions.showScan(self.session.names[index])

    def _guarded(self, function: Callable[..., object]) -> Callable[..., None]:
        """Show what goes wrong: buttons and keys have no caller to raise to."""

        def call(*arguments: object) -> None:
            self._said = []
            try:
                function(*arguments)
            except Exception as error:  # noqa: BLE001 - the outermost door of the panel
                showError(error)

        return call

    def _proposeFolders(self) -> None:
        """Offer the cohort's folders where none is chosen yet."""
        parameters = self._logic.getParameterNode()
        for name in ("predictions", "scans"):
            edit = getattr(self.ui, f"{name}PathLineEdit")
            if not edit.currentPath and getattr(parameters, name):
                edit.currentPath = getattr(parameters, name)

    def _say(self, text: str) -> None:
        """Show what was recorded or left out since the last button or key."""
        self._said = [*self._said, text][-_LINES:]
        self.ui.statusLabel.text = "\n".join(line for line in self._said if line)

    def _update(self) -> None:
        """Show where the reader is."""
        ui, session, isReading = self.ui, self.session, self.actions.isReading
        ui.readingWidget.visible = ui.timesLabel.visible = session is not None
        for name in ("accept", "reject", "next", "add", "border"):
            getattr(ui, f"{name}Button").enabled = isReading
        if session is None:
            ui.setupCollapsibleButton.collapsed = False
            self._keys.remove()
            return
        mayRevise = isReading and session.role == "revise"
        ui.addButton.enabled = ui.borderButton.enabled = ui.organComboBox.enabled = mayRevise
        ui.timesLabel.text = measure_times(session.entries, session.role).describe()
        if not isReading:
            self._keys.remove()
            self._table.show((), session.state.scan(""), None)
            ui.scanLabel.text = _("No scan is shown. Choose one.")
            ui.scanComboBox.currentIndex = -1
            return
        if self._isOpen:
            self._keys.install()
        self._table.show(session.items, session.scan_state, session.current)
        ui.scanComboBox.currentIndex = session.names.index(session.scan.name)
        ui.scanLabel.text = _describeScan(session)


def _describeScan(session: ReviewSession) -> str:
    name = session.scan.name
    text = _("Scan {n} of {total}: {name}. Finished in this role: {done}.").format(
        n=session.names.index(name) + 1,
        total=len(session.names),
        name=name,
        done=session.n_done,
    )
    missing = ", ".join(session.scan.missing)
    return f"{text} " + _("No prediction of: {organs}.").format(organs=missing) if missing else text


def _path(edit: "qt.QWidget", what: str) -> Path:
    text = edit.currentPath
    if not text:
        raise InputError(_("Choose {what} first.").format(what=what))
    return Path(text)
