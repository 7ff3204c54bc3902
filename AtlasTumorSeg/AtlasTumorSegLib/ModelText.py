"""A model card as a few lines that people read before they trust a model."""

import html

from slicer.i18n import tr as _

from atlastumor.models.card import ModelCard

__all__ = ["describeCard"]


def describeCard(card: ModelCard) -> str:
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


def _describeEvaluation(card: ModelCard) -> str:
    if not card.evaluation:
        return _("<b>Unvalidated:</b> nothing was measured for this model.")
    data = dict.fromkeys(str(row.get("data", "")) for row in card.evaluation)
    return _("Measured on: {data}").format(data=html.escape("; ".join(filter(None, data))))
