"""`overview.png` and `report.html`: the result for a person, on one page without outside parts."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..lesions import Lesion
from ..organs import RGB, find_organ
from ..volume import Scan
from .listing import MAX_LISTED, pick_listed
from .pictures import draw_overview, draw_slice
from .protocols import FindingLike, SegmentationLike
from .report_page import PAGE
from .tables import NOTICE

__all__ = ["write_overview", "write_report"]

_CLOSE_UP_MM = 90.0
_COVERAGE = {"whole": "whole", "partial": "in part", "none": "not in view"}


def write_overview(path: Path, segmentation: SegmentationLike, scan: Scan) -> None:
    """Write one picture on which organs and tumors are seen, with provenance as a text chunk.

    Args:
        path: The .png file.
        segmentation: What to show.
        scan: The scan it was made from.
    """
    info = PngInfo()
    record = segmentation.provenance.to_repeatable_dict()
    info.add_text("AtlasTumor.Provenance", json.dumps(record, allow_nan=False))
    picture = draw_overview(scan, segmentation.labels, lesions=segmentation.lesions)
    picture.save(path, format="PNG", pnginfo=info)


def write_report(path: Path, segmentation: SegmentationLike, scan: Scan) -> None:
    """Write the report: pictures, findings, lesions and provenance.

    Args:
        path: The .html file.
        segmentation: What to report.
        scan: The scan it was made from.
    """
    lesions = segmentation.lesions
    overview = draw_overview(scan, segmentation.labels, lesions=lesions)
    text = PAGE.substitute(
        notice=escape(NOTICE),
        summary=escape(_summarize(segmentation)),
        overview=_embed(overview, "Axial slice, coronal slice and projection of all organs"),
        findings="\n".join(_list_findings(segmentation.findings)),
        lesions=_make_lesion_table(lesions),
        figures="\n".join(_draw_lesions(segmentation, scan)),
        notes=_make_notes(segmentation),
        provenance="\n".join(_list_provenance(segmentation)),
        created=escape(segmentation.provenance.created),
    )
    path.write_text(text, encoding="utf-8")


def _summarize(segmentation: SegmentationLike) -> str:
    """The whole result in a sentence."""
    n = len(segmentation.lesions)
    if n == 0:
        return "No tumor was found in the organs in view."
    organs = dict.fromkeys(find_organ(one.organ).name.lower() for one in segmentation.lesions)
    tumors = "1 possible tumor was" if n == 1 else f"{n} possible tumors were"
    return f"{tumors} found ({', '.join(organs)}). A radiologist must review every one."


def _list_findings(findings: Iterable[FindingLike]) -> Iterator[str]:
    for one in findings:
        organ = find_organ(one.organ)
        cells = (
            _COVERAGE.get(one.coverage, one.coverage),
            _say(one.organ_ml, 0) if one.organ_ml > 0 else "–",  # noqa: RUF001
            str(one.n_lesions),
            _say(one.tumor_ml, 1) if one.n_lesions else "–",  # noqa: RUF001
            one.message,
        )
        yield _make_row([_swatch(organ.color) + escape(organ.name), *map(escape, cells)])


def _make_lesion_table(lesions: Sequence[Lesion]) -> str:
    if not lesions:
        return ""
    heads = ("Tumor", "Side", "Volume (mL)", "Longest axis (mm)", "Score", "Position R, A, S (mm)")
    rows, listed = [], pick_listed(lesions)
    for one in listed:
        organ = find_organ(one.organ)
        cells = (
            one.side or "",
            _say(one.volume_ml, 2),
            _say(one.diameter_mm, 1),
            _say(one.score, 2),
            ", ".join(_say(x, 0) for x in one.point_ras),
        )
        name = _swatch(organ.tumor_color) + escape(f"{organ.name} {one.index}")
        rows.append(_make_row([name, *map(escape, cells)]))
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    table = f"<h2>Tumors</h2>\n<table><tr>{head}</tr>\n" + "\n".join(rows) + "\n</table>"
    if len(listed) == len(lesions):
        return table
    return (
        f"{table}\n<p>Only the {MAX_LISTED} largest tumors of each organ are listed here, "
        f"{len(listed)} of {len(lesions)}; lesions.csv lists all.</p>"
    )


def _draw_lesions(segmentation: SegmentationLike, scan: Scan) -> Iterator[str]:
    """The largest tumor of each organ: its slice, and a close-up."""
    for lesion in segmentation.lesions:
        if lesion.index != 1:
            continue
        organ = find_organ(lesion.organ)
        pictures = (
            draw_slice(
                scan,
                segmentation.labels,
                lesion.point_ras,
                window_hu=organ.window_hu,
                width=width,
                extent_mm=extent_mm,
            )
            for width, extent_mm in (
                (440, None),
                (330, max(_CLOSE_UP_MM, 1.6 * lesion.diameter_mm)),
            )
        )
        title = f"{organ.name} tumor 1: {_say(lesion.diameter_mm, 1)} mm"
        images = "".join(_embed(picture, title) for picture in pictures)
        yield f"<figure>{images}<figcaption>{escape(title)}</figcaption></figure>"


def _make_notes(segmentation: SegmentationLike) -> str:
    """What the reader and the memory ladder want to be known."""
    notes = (*segmentation.provenance.notes, *segmentation.provenance.rungs)
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<h2>Notes</h2><ul>{items}</ul>" if items else ""


def _list_provenance(segmentation: SegmentationLike) -> Iterator[str]:
    for key, value in segmentation.provenance.to_dict().items():
        if key not in {"notes", "rungs"}:
            name = key.replace("_", " ").replace("sha256", "SHA-256")
            yield _make_row([escape(name), f"<code>{escape(_to_text(value))}</code>"])


def _to_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_to_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_to_text(item) for item in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _say(value: float, digits: int) -> str:
    return "unknown" if math.isnan(value) else f"{value:.{digits}f}"


def _swatch(color: RGB) -> str:
    return f'<i style="background:rgb{color}"></i>'


def _make_row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _embed(picture: Image.Image, description: str) -> str:
    stream = BytesIO()
    picture.save(stream, format="PNG")
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    width = f' width="{picture.width}"'
    return f'<img src="data:image/png;base64,{data}" alt="{escape(description)}"{width}>'
