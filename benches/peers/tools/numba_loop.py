"""A compiled parallel loop over a memory map of NumPy's.

usage: numba_loop.py FILE WIDTH HEIGHT N

The compiled loop is kept where NUMBA_CACHE_DIR says; only the first run compiles.
"""

import sys

import numpy as np
from numba import njit, prange


@njit(parallel=True, cache=True)
def brighten(image, amount):
    ceiling = np.uint16(65535 - amount)
    added = np.uint16(amount)
    for y in prange(image.shape[0]):
        for x in range(image.shape[1]):
            for channel in range(3):
                image[y, x, channel] = min(image[y, x, channel], ceiling) + added


path, width, height, amount = sys.argv[1], *map(int, sys.argv[2:])
brighten(np.memmap(path, dtype="<u2", mode="r+", shape=(height, width, 4)), amount)
