"""How accuracy grows with data: training on more and more scans, with synthetic tumors or without.

A cell is one training and one evaluation: n real scans, k synthetic ones for each, one seed. Cells
are independent jobs for an executor; what they found is fitted, compared and drawn.
"""
