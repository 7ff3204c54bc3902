"""Make a digital phantom and print the tumors that are known to be in it.

Run: python 04_make_a_phantom.py 7
"""

import sys

import numpy as np

from atlastumor.phantom import make_phantom

phantom = make_phantom(seed=int(sys.argv[1]))

print("Voxels:", phantom.scan.grid.shape, "spacing, mm:", phantom.scan.grid.spacing_mm)
for label, name in phantom.labels.names.items():
    volume_ml = np.count_nonzero(phantom.labels.array == label) * phantom.scan.grid.voxel_ml
    print(f"{name}: {volume_ml:.1f} mL")
