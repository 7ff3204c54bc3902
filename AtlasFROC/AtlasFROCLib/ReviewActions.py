"""What a reader does, carried out in the log and in the scene. Knows no buttons and no keys."""

from pathlib import Path

from slicer.i18n import tr as _

from atlastumor.errors import AtlasTumorError, InputError
from atlastumor.review import Entry, Outline, make_ball
from atlastumor.review.session import ReviewSession
from AtlasTumorSlicer.Signal import Signal

from .ReviewEditor import BorderEditing
from .ReviewScene import ReviewScene, describeItem
from .ReviewSigns import ReviewSigns
from .ReviewVolume import pointedAt

__all__ = ["BALL_MM", "ReviewActions"]

BALL_MM = 10.0
"""Diameter of the ball with which the drawing of a missed tumor begins."""

_SAID = {
    "accept": "{what} accepted",
    "reject": "{what} removed",
    "add": "{what} added",
    "border": "Border of {what} kept",
}


class ReviewActions:
    """One reader at work on one review.

    Attributes:
        changed: Emitted when anything that is shown may have changed.
        said: Emits what was recorded, for the reader.
        session: The reader's work, or None before it begins and after it ends.
        scene: The scan in the scene.
        editing: The border that is being drawn, if one is.
    """

    def __init__(self) -> None:
        """Begin nothing."""
        self.changed, self.said = Signal(), Signal()
        self.session: ReviewSession | None = None
        self.scene = ReviewScene()
        self.editing = BorderEditing(self.scene, self._keepBorder)
        self._signs = ReviewSigns(self._touch)
        self._scans: Path | None = None

    @property
    def isReading(self) -> bool:
        """Whether a scan is shown."""
        return self.session is not None and self.session.scan is not None

    def begin(self, session: ReviewSession, scans: Path | None) -> None:
        """Show the scan where a review stopped, or its first one.

        Args:
            session: The reader's work.
            scans: Folder of the CTs, or None to look beside the predictions alone.
        """
        self.end()
        self.session, self._scans = session, scans
        self.said.emit("\n".join(session.notes))
        if session.find_scan() is None:
            self.showScan(session.names[0])
            self.said.emit(_("Every scan is finished in this role; the first one is shown."))
        else:
            self._showWaiting()

    def showScan(self, name: str) -> None:
        """Show a scan of the review.

        Args:
            name: The case's.
        """
        self.editing.end()
        self.scene.close()
        try:
            self.session.show(name)
            self.scene.open(self.session, self._scans)
        except Exception:
            self.session.leave()  # what cannot be seen cannot be decided
            self.scene.close()
            self.changed.emit()
            raise
        self._signs.start()
        self.session.watch.start()
        self._refresh()

    def choose(self, key: str) -> None:
        """Look at a candidate."""
        self._requireScan().choose(key)
        self._refresh()

    def accept(self) -> None:
        """Keep the current candidate and go on."""
        self._say(self._requireScan().accept())
        self._goToNext()

    def reject(self) -> None:
        """Remove the current candidate and go on."""
        self._say(self._requireScan().reject())
        self._goToNext()

    def undo(self) -> None:
        """Take back the reader's last decision, in whichever scan it was made."""
        session = self._requireSession()
        last = session.undo()
        if last is None:
            self.said.emit(_("There is nothing to take back."))
            return
        if session.scan is None:
            self.showScan(last.scan)
            if any(item.key == last.candidate for item in session.items):
                session.choose(last.candidate)
        self._refresh()
        self.said.emit(_("Taken back: line {n} of the log.").format(n=last.n))

    def goOn(self) -> None:
        """Go to the candidate that waits; where none does, finish the scan and show the next."""
        session = self._requireScan()
        if session.advance() is not None:
            self._refresh()
            return
        name = session.scan.name
        session.finish()
        if session.find_scan() is None:
            self._refresh()
            self.said.emit(_("Every scan is finished in this role."))
        else:
            self.said.emit(_("'{scan}' is finished.").format(scan=name))
            self._showWaiting(after=name)

    def addTumor(self, organ: str) -> None:
        """Add a tumor where the reader points.

        Args:
            organ: The organ's key.
        """
        session = self._requireScan()
        session.check_allowed("add")  # before the place is looked at, which may be none
        grid = session.scan.grid
        i, j, k = (round(float(x)) for x in grid.to_ijk(pointedAt()))
        ball = make_ball((i, j, k), grid, diameter_mm=BALL_MM)
        self._say(session.add_tumor(organ, (i, j, k), ball))
        self._refresh()

    def editBorder(self) -> None:
        """Hand the current candidate over to the Segment Editor."""
        session = self._requireScan()
        if session.role != "revise":
            raise InputError(_("Borders are edited in the role 'Revise'. Change the role first."))
        if session.current is None:
            raise InputError(_("No candidate is chosen. Choose one in the list."))
        self.editing.begin(session.current.key)

    def comeBack(self) -> None:
        """Take back a border that was drawn, and count time again."""
        self.editing.end()
        if self.isReading:
            self.session.watch.start()
            self._refresh()

    def pause(self) -> None:
        """Count no time, unless a border is being drawn."""
        if self.isReading and not self.editing.key:
            self.session.watch.stop()

    def end(self) -> None:
        """End the work: the scan's seconds are recorded and it leaves the scene."""
        self.editing.end()
        self._signs.stop()
        session, self.session = self.session, None
        try:
            if session is not None:
                session.leave()
        finally:
            self.scene.close()
            self.changed.emit()

    def _showWaiting(self, after: str = "") -> None:
        """Show the next scan that waits and can be shown; say why others cannot.

        Raises:
            AtlasTumorError: If none of them can; it is what is wrong with the last one.
        """
        session, tried = self.session, []
        name = session.find_scan(after=after)
        while name is not None:
            tried.append(name)
            try:
                self.showScan(name)
                return
            except AtlasTumorError as error:
                name = session.find_scan(after=name)
                if name in tried:
                    raise
                left = _("'{scan}' is left out: {error}").format(scan=tried[-1], error=error)
                self.said.emit(left)

    def _goToNext(self) -> None:
        if self.session.advance() is None:
            self.said.emit(_("All candidates of this scan are decided; Next finishes it."))
        self._refresh()

    def _refresh(self) -> None:
        """Show in the scene what holds, centered on the current candidate."""
        self.scene.update(self.session)
        if self.session.current is not None:
            self.scene.center(self.session.current)
        self.changed.emit()

    def _keepBorder(self, key: str, outline: Outline) -> None:
        self._say(self.session.edit_border(key, outline))
        self.changed.emit()

    def _say(self, entry: Entry) -> None:
        item = next(item for item in self.session.items if item.key == entry.candidate)
        text = _(_SAID[entry.kind]).format(what=describeItem(item))
        self.said.emit(_("{text}; line {n} of the log.").format(text=text, n=entry.n))

    def _touch(self) -> None:
        if self.session is not None:
            self.session.watch.touch()

    def _requireSession(self) -> ReviewSession:
        if self.session is None:
            raise InputError(_("Begin or resume the review first."))
        return self.session

    def _requireScan(self) -> ReviewSession:
        session = self._requireSession()
        if session.scan is None:
            raise InputError(_("No scan is shown. Begin or resume the review first."))
        return session
