"""Dask: a memory map of NumPy's, block by block, stored back into itself.

usage: dask_store.py FILE WIDTH HEIGHT N
"""

import sys

import dask.array as da
import numpy as np

path, width, height, amount = sys.argv[1], *map(int, sys.argv[2:])
image = np.memmap(path, dtype="<u2", mode="r+", shape=(height, width, 4))
ceilings = np.array([65535 - amount] * 3 + [65535], dtype=np.uint16)
addends = np.array([amount] * 3 + [0], dtype=np.uint16)
blocks = da.from_array(image, chunks=("auto", -1, -1))
da.store(da.minimum(blocks, ceilings) + addends, image, lock=False)
