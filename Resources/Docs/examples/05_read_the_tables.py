"""Read what the program knows: organs, their numbers, and the models at hand.

Run: python 05_read_the_tables.py
"""

from atlastumor.models.card import list_cards
from atlastumor.organs import ORGANS

for organ in ORGANS:
    smallest, largest = organ.tumor.diameter_mm
    print(f"{organ.name}: tumors are {organ.tumor_label}, {smallest:g} to {largest:g} mm")
for card in list_cards():
    print(f"{card.id} {card.version}, {card.license}: {card.limits}")
