"""Many cases at once: predictions measured against references, and synthetic cohorts.

`cohort.py` finds and reads predictions and references, `synthesis.py` turns healthy scans into a
training set. Knows detection, synthesis, volumes and organs; networks come in from outside, as a
critic, so it needs numpy, scipy and nibabel only.
"""
