"""Pictures of a journey, drawn by the test host; each says that it is no screenshot of Slicer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from Slicer.render_froc import picture_of
from Slicer.render_screenshots import beside, picture_of_view, pictures_of_views, save

CAPTION = "Test-host picture, not a screenshot of Slicer. {what}"
WIDTH = 440
SECTIONS = ("inputs", "curve", "cases")


def photograph_panel(panel: Any, path: Path, what: str) -> None:
    """The whole panel, in two columns; folders of this machine say nothing, so they are named."""
    lines = [
        getattr(panel.ui, f"{name}PathLineEdit")
        for name in ("predictions", "references", "scans", "results")
    ]
    paths = [line.currentPath for line in lines]
    for line, name in zip(lines, ("predictions", "references", "scans", "froc"), strict=True):
        line.currentPath = name
    save(picture_of(panel.panel), path, CAPTION.format(what=what))
    for line, old in zip(lines, paths, strict=True):
        line.currentPath = old


def photograph_views(panel: Any, path: Path, what: str) -> None:
    """Slices through the largest lesion of the open case, else through a candidate; 3-D."""
    case, candidates = panel.logic.case, panel.logic.candidates.candidates
    place = tuple((n - 1) / 2 for n in case.grid.shape)
    if case.lesions.lesions:
        place = max(case.lesions.lesions, key=lambda lesion: lesion.volume_ml).center_ijk
    elif candidates:
        place = candidates[0].center_ijk
    hide_box()
    save(pictures_of_views(case.toWorld(place)), path, CAPTION.format(what=what))


def hide_box() -> None:
    """Take Slicer's box out of the host's 3-D view, which it would else be zoomed to."""
    import slicer
    from host.views import draw_3d

    draw_3d()  # makes the view
    view = slicer.mrmlScene.GetSingletonNode("TestHost", "vtkMRMLViewNode")
    view.SetBoxVisible(False)
    view.SetAxisLabelsVisible(False)


def photograph_review(module: Any, item: Any, path: Path) -> None:
    """The review's section beside the slice through the candidate that is looked at."""
    widget = module.self()
    for name in SECTIONS:
        getattr(widget.ui, f"{name}CollapsibleButton").collapsed = True
    widget.ui.reviewCollapsibleButton.collapsed = False
    module.resize(WIDTH, module.height)
    review = widget.review
    scene = review.actions.scene
    ras = scene._outlines[item.key].grid.to_ras(item.voxel)
    view = picture_of_view("Red", tuple(float(x) for x in ras))
    what = f"A script reads {review.session.scan.name}: {item.key}."
    save(beside([_grab(module), view]), path, CAPTION.format(what=what))


def _grab(module: Any) -> Any:
    return picture_of(module, columns=1)
