"""Many cases at once: predictions beside references, measured and reported.

`cohort.py` finds and reads the cases. Knows detection, volumes and organs; never the networks, so
it needs numpy, scipy and nibabel only.
"""
