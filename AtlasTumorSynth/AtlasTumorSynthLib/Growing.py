"""Asking the worker for tumors, one request at a time, without ever waiting for it.

Of several requests that come while one is under way, only the last one counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from atlastumor.errors import Cancelled, InputError
from AtlasTumorSlicer.Signal import Signal

from .Parameters import Settings
from .Session import Session
from .Studio import Studio
from .Tumors import Place, State, Tumor

__all__ = ["Grower", "Wish"]


@dataclass(frozen=True, eq=False)
class Wish:
    """Tumors that are asked for.

    Args:
        volumeNode: The scan.
        segmentationNode: Outlines of its organs, or None.
        settings: What the tumors are to be like.
        places: One for each.
    """

    volumeNode: "slicer.vtkMRMLScalarVolumeNode"
    segmentationNode: "slicer.vtkMRMLSegmentationNode | None"
    settings: Settings
    places: tuple[Place, ...]

    @property
    def isPainted(self) -> bool:
        """Whether the settings' segment says the shape, or where places are drawn."""
        isDrawn = any(center is None for *_, center in self.places)
        return self.settings.isPainted or (isDrawn and bool(self.settings.segment))


class Grower:
    """Turns wishes into previews.

    Attributes:
        changed: Emitted when what is in the volume, or what can be done, may have changed.
        grown: Emitted when there is a new preview.
        said: Emits a sentence for the user.
        failed: Emits the error if a request came to nothing; never `Cancelled`.
        workerCommand: Words that start the worker; read when it is first needed.
        session: The scan that is worked on, or None.
        asked: The settings of the last wish, or None.
        error: Why the last request came to nothing, or None.
    """

    def __init__(self, workerCommand: Sequence[str]) -> None:
        """Start nothing yet."""
        self.changed, self.grown = Signal(), Signal()
        self.said, self.failed = Signal(), Signal()
        self.workerCommand = workerCommand
        self.session: Session | None = None
        self.asked: Settings | None = None
        self.error: Exception | None = None
        self._studio: Studio | None = None
        self._current: object = None
        self._next: Wish | None = None

    @property
    def isBusy(self) -> bool:
        """Whether a tumor is being grown or judged."""
        return self._studio is not None and (self._studio.isBusy or self._next is not None)

    @property
    def pid(self) -> int:
        """The operating system's number of the worker; 0 if it does not run."""
        return self._studio.pid if self._studio is not None else 0

    def ask(self, wish: Wish) -> None:
        """Grow tumors now, or as soon as what is under way has been stopped."""
        self.asked, self.error = wish.settings, None
        if self._studio is None:
            self._studio = Studio(self.workerCommand)
            self._studio.progressed.connect(lambda stage: self.said.emit(_(stage)))
        if self._studio.isBusy:
            self._current, self._next = None, wish
            self._studio.cancel()
            return
        try:
            session = self._openSession(wish)
            painting = session.writePainting(wish.settings.segment) if wish.isPainted else None
        except Exception as error:  # noqa: BLE001 - whoever asked is told through `failed`
            self._fail(error)
            return
        requests = [wish.settings.request(*place, painting) for place in wish.places]
        message = {"do": "grow", "tumors": requests, "folder": str(session.folder)}
        self._send(message, lambda reply: self._onGrown(wish.settings, requests, reply))

    def judge(self) -> None:
        """Let the model look for the preview's tumors.

        Raises:
            InputError: If there is no preview, or it is about to change.
        """
        tumors = self.session.state.preview if self.session else ()
        if not tumors or self.isBusy:
            raise InputError(_("Place a tumor first; what is shown can then be checked."))
        message = {"do": "judge", "tumors": [tumor.request for tumor in tumors]}
        self._send(message, lambda reply: self._onJudged(tumors, reply))

    def cancel(self) -> None:
        """Stop what is under way; what is in the volume stays."""
        self._current = self._next = None
        if self._studio is not None:
            self._studio.cancel()

    def wait(self) -> None:
        """Stay here until nothing is under way, with Slicer's windows alive."""
        while self.isBusy:
            self._studio.wait()

    def leave(self) -> None:
        """End the work on a scan: its preview goes, what was kept stays."""
        self.cancel()
        session, self.session, self.asked = self.session, None, None
        if session is not None:
            session.close()
            self.changed.emit()

    def close(self) -> None:
        """End the work and the worker."""
        self.leave()
        studio, self._studio = self._studio, None
        if studio is not None:
            studio.close()

    def _openSession(self, wish: Wish) -> Session:
        chosen = (wish.volumeNode, wish.segmentationNode)
        if self.session is None or not self.session.serves(*chosen):
            self.leave()
            self.session, self.asked = Session(*chosen), wish.settings
        return self.session

    def _send(self, message: Mapping[str, Any], done: Callable[[Mapping[str, Any]], None]) -> None:
        token = self._current = object()
        self.error = None

        def onReply(reply: Mapping[str, Any]) -> None:
            if self._startNext():
                return
            if token is self._current:
                done(reply)
            else:  # it came too late
                self._fail(Cancelled(_("Cancelled.")))

        def onRefused(error: Exception) -> None:
            isAwaited = token is self._current
            self._doubtSession(error)
            if not self._startNext():
                self._fail(error if isAwaited else Cancelled(_("Cancelled.")))

        messages = [*self.session.prepare(isWarm=self._studio.isWarm), message]
        try:
            self._studio.ask(messages, onReply, onRefused)
        except Exception as error:  # noqa: BLE001 - as in `ask`
            self.session.forgetTold()
            self._fail(error)
        self.changed.emit()

    def _doubtSession(self, error: Exception) -> None:
        """Where the worker did not take in the scan, tell it anew, or write it anew."""
        session = self.session
        if session is None or self._studio.hasReachedLast:
            return
        session.forgetTold()
        if not session.history.canUndo and not isinstance(error, Cancelled):
            self.session = None
            session.close()

    def _onGrown(
        self, settings: Settings, requests: Sequence[dict[str, Any]], reply: Mapping[str, Any]
    ) -> None:
        told = reply["tumors"]
        preview = tuple(Tumor(requests[one["index"]], one, settings) for one in told)
        state = State(self.session.state.kept, preview)
        self.session.show(state)
        self.session.history.add(state)
        notes = [note for tumor in preview for note in tumor.notes]
        if len(preview) < len(requests):
            text = _("There was room for {n} of {total} tumors.")
            notes.append(text.format(n=len(preview), total=len(requests)))
        self.said.emit(" ".join(dict.fromkeys(notes)))
        self.grown.emit()
        self.changed.emit()

    def _onJudged(self, tumors: tuple[Tumor, ...], reply: Mapping[str, Any]) -> None:
        answers = zip(tumors, reply["shares"], reply["reasons"], strict=True)
        for tumor, share, reason in answers:
            tumor.quality, tumor.fault = float(share), str(reason)
        self.session.updateTable()
        self.said.emit("")
        self.changed.emit()

    def _fail(self, error: Exception) -> None:
        self.error = error
        if isinstance(error, Cancelled):
            self.said.emit("")  # what is shown says enough
        else:
            self.failed.emit(error)
        self.changed.emit()

    def _startNext(self) -> bool:
        """Grow what was asked for meanwhile, if anything was."""
        wish, self._next = self._next, None
        if wish is not None:
            self.ask(wish)
        return wish is not None
