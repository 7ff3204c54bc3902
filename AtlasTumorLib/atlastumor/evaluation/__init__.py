"""Measuring the shipped model: on held-out phantoms, and on real scans that have references.

`python -m atlastumor.evaluation phantoms` and `... scans FOLDER` print the tables of the model
card.
"""
