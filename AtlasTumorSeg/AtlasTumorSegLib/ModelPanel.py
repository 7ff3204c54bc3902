"""Choosing a model, and what people should read before they trust it."""

import html

import qt
from slicer.i18n import tr as _

from atlastumor.errors import AtlasTumorError
from atlastumor.models.card import list_cards
from atlastumor.models.recipe import Model
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Signal import Signal

__all__ = ["ModelPanel", "describeCard"]


class ModelPanel:
    """Fills a box with the installed models and shows the card of the chosen one.

    Args:
        box: For the choice.
        label: For the card.

    Attributes:
        changed: Emitted when the user chooses another model.
    """

    def __init__(self, box: "qt.QComboBox", label: "qt.QLabel") -> None:
        """List the models, the first one chosen."""
        self.changed = Signal()
        self._box, self._label = box, label
        self._cards: dict[str, Model] = {}
        self.refresh()
        box.connect("currentIndexChanged(int)", self._onChanged)

    @property
    def model(self) -> str:
        """Id of the chosen model; empty if none is."""
        return self._box.itemData(self._box.currentIndex) or ""

    def has(self, modelId: str) -> bool:
        """Whether a model is installed."""
        return modelId in self._cards

    def refresh(self) -> None:
        """List the models anew, without emitting `changed`; `show` chooses one again."""
        try:
            cards = list_cards()
        except AtlasTumorError as error:  # a broken card in the user's folder: said, and no more
            showError(error)
            return
        wasBlocked = self._box.blockSignals(True)
        self._cards = {card.id: card for card in cards}
        self._box.clear()
        for card in self._cards.values():
            self._box.addItem(card.title, card.id)
        self._box.blockSignals(wasBlocked)

    def show(self, modelId: str) -> None:
        """Show what was chosen elsewhere, without emitting `changed`."""
        wasBlocked = self._box.blockSignals(True)
        self._box.currentIndex = self._box.findData(modelId)
        self._box.blockSignals(wasBlocked)
        card = self._cards.get(modelId)
        self._label.text = describeCard(card) if card else _("This model is not installed.")

    def _onChanged(self, _index: int) -> None:
        self.changed.emit()


def describeCard(card: Model) -> str:
    """Write the details of a card as rich text.

    Args:
        card: The model.

    Returns:
        Title, version, license, summary, how it was validated, and its limits.
    """
    lines = [
        _("<b>{title}</b>, version {version}").format(
            title=html.escape(card.title), version=html.escape(card.version)
        ),
        html.escape(card.summary),
        _describeEvaluation(card),
        _("<b>Limits:</b> {limits}").format(limits=html.escape(card.limits)),
        _("License of the weights: {license}").format(license=html.escape(card.license)),
    ]
    return "".join(f'<p style="margin:0 0 4px 0">{line}</p>' for line in lines)


def _describeEvaluation(card: Model) -> str:
    if not card.evaluation:
        return _("<b>Unvalidated:</b> nothing was measured for this model.")
    data = dict.fromkeys(str(row.get("data", "")) for row in card.evaluation)
    return _("Measured on: {data}").format(data=html.escape("; ".join(filter(None, data))))
