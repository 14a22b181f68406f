"""NumPy on a memory map, slice by slice: add N, saturating, to red, green and blue.

usage: numpy_memmap.py FILE WIDTH HEIGHT N

The ceilings and the addends are as long as a slice, so that NumPy's loops are long ones; with `[..., :3]` they would be
three samples long, and slower. A slice fits the second-level cache, for there are two passes over it.
"""

import sys

import numpy as np

SLICE_PIXELS = 1 << 15

path, amount = sys.argv[1], int(sys.argv[4])
samples = np.memmap(path, dtype="<u2", mode="r+")
ceilings = np.tile(np.array([65535 - amount] * 3 + [65535], dtype=np.uint16), SLICE_PIXELS)
addends = np.tile(np.array([amount] * 3 + [0], dtype=np.uint16), SLICE_PIXELS)
for start in range(0, samples.size, ceilings.size):
    part = samples[start : start + ceilings.size]
    np.minimum(part, ceilings[: part.size], out=part)
    part += addends[: part.size]
