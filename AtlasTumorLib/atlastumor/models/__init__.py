"""Models: their cards, and the weights that the cards name. Importing this loads no torch."""

from .card import ModelCard, card_to_dict, find_card, list_cards, load_card, parse_card

__all__ = ["ModelCard", "card_to_dict", "find_card", "list_cards", "load_card", "parse_card"]
