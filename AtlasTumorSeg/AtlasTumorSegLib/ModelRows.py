"""The models that are installed and those that others published, as rows and as rich text."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from slicer.i18n import tr as _

from atlastumor.models import card as cards
from atlastumor.models.card import ModelCard, list_cards
from atlastumor.models.catalog import CatalogEntry, list_entries
from atlastumor.models.folders import default_models_dir
from atlastumor.organs import find_organ

from .ModelPanel import describeCard

__all__ = ["ModelRow", "describeConsent", "describeRow", "listRows"]

_MB = 1_000_000


@dataclass(frozen=True)
class ModelRow:
    """One model: installed, published, or both.

    Args:
        card: If it is installed.
        entry: If it is published.
    """

    card: ModelCard | None
    entry: CatalogEntry | None

    @property
    def id(self) -> str:
        """Its id."""
        return self.card.id if self.card else self.entry.id

    @property
    def title(self) -> str:
        """Shown to people."""
        return self.card.title if self.card else self.entry.title

    @property
    def organs(self) -> tuple[str, ...]:
        """Keys of the organs whose tumors it finds."""
        if self.card is None:
            return self.entry.organs
        return tuple(output.organ for output in self.card.outputs if output.kind == "tumor")

    @property
    def isOwn(self) -> bool:
        """Whether it is installed and did not come with AtlasTumor."""
        return self.card is not None and self.card.path.parent != cards.CARDS_DIR

    @property
    def canFetch(self) -> bool:
        """Whether it can be fetched and is not there."""
        return self.card is None and self.entry.importer != "none"

    @property
    def texts(self) -> tuple[str, ...]:
        """Its cells."""
        megabytes = round(self.card.weights.bytes / _MB) if self.card else self.entry.megabytes
        organs = ", ".join(_(find_organ(key).name) for key in self.organs)
        return (
            self.title,
            organs or "-",
            _("{n} MB").format(n=max(1, megabytes)) if self.card or megabytes else "?",
            self.entry.license.name if self.entry else self.card.license,
            self._state,
        )

    @property
    def _state(self) -> str:
        if self.card is not None:
            return _("installed") if self.isOwn else _("comes with AtlasTumor")
        return _("published") if self.canFetch else _("published, cannot be imported")


def listRows(organ: str = "") -> list[ModelRow]:
    """List the installed models, then the published ones.

    Args:
        organ: Key of the organ of whose tumors; empty lists all.

    Raises:
        CardError: If the card of an installed model is malformed.
    """
    entries = {entry.id: entry for entry in list_entries() if not entry.method}
    own = [card for card in list_cards() if isinstance(card, ModelCard)]  # a recipe has no weights
    rows = [ModelRow(card, entries.pop(card.id, None)) for card in own]
    rows += [ModelRow(None, entry) for entry in entries.values()]
    return [row for row in rows if not organ or organ in row.organs]


def describeRow(row: ModelRow) -> str:
    """Write all that is known of a model as rich text, license and leakage first."""
    entry = row.entry
    if row.card is not None:
        return describeCard(row.card) + ("" if entry is None else _paragraphs(_origin(entry)))
    lines = [
        f"<b>{html.escape(entry.title)}</b>",
        _("<b>License:</b> {license}").format(license=html.escape(entry.license.title)),
        html.escape(entry.license.terms),
        _("<b>Leakage:</b> {leakage}").format(leakage=html.escape(entry.leakage)),
    ]
    if entry.unsupported:
        lines.append(
            _("<b>Cannot be imported:</b> {why}").format(why=html.escape(entry.unsupported))
        )
    return _paragraphs([*lines, html.escape(entry.summary), *_origin(entry)])


def _origin(entry: CatalogEntry) -> list[str]:
    """Where a published model is from, what was reported, and what nobody has checked."""
    lines = [_("Trained on: {data}").format(data=html.escape(entry.training_data))]
    lines += [
        _("Reported by {by}: {organ}, {on}: {what} {value:g}").format(**dict(row))
        for row in entry.reported
    ]
    lines += [_("Unverified: {text}").format(text=html.escape(text)) for text in entry.unverified]
    for key, text in entry.source.items():
        name, link = html.escape(key), html.escape(text)
        isLink = text.startswith("https://") and " " not in text
        lines.append(f'{name}: <a href="{link}">{link}</a>' if isLink else f"{name}: {link}")
    return lines


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f'<p style="margin:0 0 4px 0">{line}</p>' for line in lines)


def describeConsent(entry: CatalogEntry) -> str:
    """Write what a user consents to who fetches a model, as plain text."""
    size = _("about {n} MB").format(n=entry.megabytes) if entry.megabytes else _("unknown")
    lines = [
        f"{entry.title}\n",
        _("License: {license}").format(license=entry.license.title),
        f"{entry.license.terms}\n",
        _("Leakage: {leakage}\n").format(leakage=entry.leakage),
        _("From: {urls}").format(urls="\n".join(published.url for published in entry.files)),
        _("Size: {size}\n").format(size=size),
    ]
    if not all(published.sha256 for published in entry.files):
        lines.append(
            _(
                "Nobody published a hash to check it with: the hash of what comes is remembered, "
                "and another one refused from then on.\n"
            )
        )
    question = _("Do you consent to the license, and is this to be fetched into {folder}?")
    return "\n".join([*lines, question.format(folder=default_models_dir())])
