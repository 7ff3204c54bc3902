"""Cohort, curve, threshold and current case, and who is told when one of them changes.

Runs without any widget: `slicer.util.getModuleLogic("AtlasFROC")`. Everything follows what it
depends on: another organ gives another curve and case, another threshold other candidates. Panels
listen to the signals and never to each other.
"""

from collections.abc import Mapping
from pathlib import Path

from slicer.i18n import tr as _

from atlastumor.detection.rules import HIT_RULES, HitRule
from atlastumor.detection.tree import Candidates
from atlastumor.errors import InputError
from AtlasTumorSlicer.Signal import Signal
from AtlasTumorSlicer.WorkerLogic import ProgressCallback, WorkerLogic

from .CandidatesView import CandidatesView
from .Cases import LoadedCase
from .Cohort import MeasuredCohort
from .Curves import OrganCurve
from .Parameters import DEFAULT_TARGET, Parameters
from .Run import Run
from .Sources import CohortSource

__all__ = ["AtlasFROCLogic"]

N_SAMPLES = 2000


class AtlasFROCLogic(WorkerLogic):
    """Measures cohorts and shows what a threshold does to a case.

    >>> logic = slicer.util.getModuleLogic("AtlasFROC")
    >>> logic.measure(FolderCohort(Path("predictions"), Path("references")))
    >>> logic.setThreshold(logic.curve.chooseSensitivity(0.9).threshold)
    >>> logic.openCase(logic.cohort.sweeps[logic.organ][0].case)

    Attributes:
        cohortChanged: Emits the measured cohort, or None.
        curveChanged: Emits the current organ's curve, or None: another organ, rule or cohort, or
            its bands have come.
        thresholdChanged: Emits the current organ's threshold, or None.
        caseChanged: Emits the loaded case, or None.
        candidatesChanged: Emits the case's candidates at the threshold, or None.
        cohort: The measured cohort, or None.
        curve: The current organ's curve, or None.
        case: The loaded case, or None.
        candidates: Its candidates at the current threshold, or None.
        view: The case's candidates as a segmentation.
    """

    parametersClass = Parameters

    def __init__(self) -> None:
        """Start with nothing measured and nothing running."""
        super().__init__()
        self.cohortChanged, self.curveChanged, self.thresholdChanged = Signal(), Signal(), Signal()
        self.caseChanged, self.candidatesChanged = Signal(), Signal()
        self.cohort: MeasuredCohort | None = None
        self.curve: OrganCurve | None = None
        self.case: LoadedCase | None = None
        self.candidates: Candidates | None = None
        self.view = CandidatesView()
        self._source: CohortSource | None = None
        self._curves: dict[str, OrganCurve] = {}
        self._rule, self._isStrict = next(iter(HIT_RULES.values())), False

    @property
    def organ(self) -> str | None:
        """Key of the current organ; None without a cohort."""
        return self.curve.organ if self.curve else None

    @property
    def threshold(self) -> float | None:
        """The current organ's threshold; None if none was chosen."""
        return self.curve.threshold if self.curve else None

    @property
    def thresholds(self) -> dict[str, float]:
        """The chosen thresholds by organ key."""
        chosen = {key: curve.threshold for key, curve in self._curves.items()}
        return {key: value for key, value in chosen.items() if value is not None}

    def measure(
        self,
        source: CohortSource,
        results: Path | None = None,
        *,
        minVolumeMm3: float = 30.0,
        target: float = DEFAULT_TARGET,
        wait: bool = True,
        onProgress: ProgressCallback | None = None,
    ) -> MeasuredCohort | Run:
        """Measure predictions against references, in a process of its own.

        Args:
            source: Where they are.
            results: Folder to make; None keeps no files.
            minVolumeMm3: Smaller components and lesions do not count.
            target: Sensitivity to reach, for the operating points among the results.
            wait: Return only when done. Windows stay alive meanwhile.
            onProgress: Told how far it is.

        Returns:
            The cohort, which is then the current one, or with `wait=False` the run.

        Raises:
            AtlasTumorError: If the source cannot be used, or (with `wait`) what the worker
                reported, or `Cancelled`.
            WorkerCrash: If the worker ended without a reason (with `wait`).
        """
        if self.isRunning:
            raise InputError(_("A cohort is already being measured; wait for it or cancel it."))
        options = ["--no-figures", "--hit", self._rule.name]  # matplotlib is not asked for
        options += ["--strict"] if self._isStrict else []
        options += ["--min-volume-mm3", repr(float(minVolumeMm3))]
        options += ["--target-sensitivity", repr(float(target))]
        run = Run(source, results, worker=self.workerCommand, options=options)
        run.finished.connect(lambda cohort: self.setCohort(cohort, source))
        return self.startRun(run, onProgress, wait=wait)

    def setCohort(
        self,
        cohort: MeasuredCohort | None,
        source: CohortSource | None = None,
        *,
        thresholds: Mapping[str, float] | None = None,
        organ: str | None = None,
    ) -> None:
        """Make a measured cohort the current one.

        Args:
            cohort: As `readCohort` gives it, or None.
            source: Where its cases are.
            thresholds: Chosen earlier, by organ key; for the others the default target chooses.
            organ: To show first; None takes the first one.
        """
        self.closeCase()
        self.cohort, self._source, self.curve = cohort, source, None
        self._makeCurves(thresholds or {})
        self.cohortChanged.emit(cohort)
        organs = cohort.organs if cohort else ()
        self._setCurve(self._curves.get(organ if organ in organs else next(iter(organs), "")))

    def setRule(self, rule: HitRule, *, strict: bool = False) -> None:
        """Count by another hit rule; thresholds stay.

        Args:
            rule: When a lesion counts as found.
            strict: Whether what touches a lesion without hitting it is a false positive.
        """
        if (rule, strict) == (self._rule, self._isStrict):
            return
        self._rule, self._isStrict = rule, strict
        if self.cohort is not None:
            organ = self.organ
            self._makeCurves(self.thresholds)
            self._setCurve(self._curves[organ])

    def setOrgan(self, organ: str) -> None:
        """Show another organ of the cohort; the case stays the same."""
        if self.cohort is None or organ == self.organ:
            return
        name = self.case.name if self.case else None
        self.closeCase()
        self._setCurve(self._curves[organ])
        if name in {sweep.case for sweep in self.curve.sweeps}:
            self.openCase(name)

    def setThreshold(self, threshold: float | None, reason: str = "") -> None:
        """Choose the current organ's threshold; everything that shows it follows at once.

        Args:
            threshold: Candidates are p >= this; None for none.
            reason: Why this one, in words; empty if by hand.
        """
        curve = self.curve
        if curve is None or (threshold, reason) == (curve.threshold, curve.reason):
            return
        isOther, curve.reason = threshold != curve.threshold, reason
        curve.threshold = None if threshold is None else max(threshold, self.cohort.options.floor)
        self.thresholdChanged.emit(curve.threshold)
        if isOther:
            self._updateCandidates()

    def computeBands(self, target: float = DEFAULT_TARGET) -> None:
        """Compute the current curve's confidence bands, if it has none yet.

        Args:
            target: Sensitivity that a threshold is chosen for in every sample.
        """
        if self.curve is not None and self.curve.bands is None:
            self.curve.computeBands(N_SAMPLES, target)
            self.curveChanged.emit(self.curve)

    def openCase(self, name: str) -> LoadedCase:
        """Bring a case of the cohort into the scene and show it.

        Args:
            name: The case's name.

        Returns:
            The case.

        Raises:
            InputError: If there is no cohort, or the case cannot be read.
        """
        if self.curve is None or self._source is None:
            raise InputError(_("No cohort is measured. Measure one first."))
        self.closeCase()
        case = self._source.load(name, self.curve.organ, self.cohort.options)
        self.case = case
        self.view.open(case)
        self.caseChanged.emit(case)
        self._updateCandidates()
        return case

    def closeCase(self) -> None:
        """Take the current case out of the scene."""
        if self.case is None:
            return
        case, self.case, self.candidates = self.case, None, None
        self.view.open(None)
        case.close()
        self.candidatesChanged.emit(None)
        self.caseChanged.emit(None)

    def _makeCurves(self, thresholds: Mapping[str, float]) -> None:
        sweeps = self.cohort.sweeps if self.cohort else {}
        self._curves = {
            key: OrganCurve(of, self._rule, strict=self._isStrict) for key, of in sweeps.items()
        }
        for key, curve in self._curves.items():
            choice = curve.chooseSensitivity(DEFAULT_TARGET)
            chosen = choice.chosen_or_best
            proposed = chosen.threshold if chosen else None
            curve.threshold = thresholds.get(key, proposed)
            curve.reason = choice.reason if curve.threshold == proposed else ""

    def _setCurve(self, curve: OrganCurve | None) -> None:
        self.curve = curve
        self.curveChanged.emit(curve)
        self.thresholdChanged.emit(self.threshold)

    def _updateCandidates(self) -> None:
        if self.case is None:
            return
        self.candidates = None
        if self.threshold is not None:
            self.candidates = self.case.tree.candidates(
                self.threshold, min_volume_mm3=self.case.minVolumeMm3
            )
        self.view.show(self.candidates)
        self.candidatesChanged.emit(self.candidates)
