"""How far synthetic tumors are from real ones: features of each, and distances between both.

`tumors.py` finds and cuts out the tumors, `features.py` and `texture.py` measure them,
`distances.py` and `classifier.py` compare two groups, `embedding.py` brings tumors near those
that look alike, `measure.py` does it all for two folders, and the others write what came out.
"""
