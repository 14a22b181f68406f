"""OpenCV's saturating add on a memory map of NumPy's, in place.

usage: opencv_memmap.py FILE WIDTH HEIGHT N
"""

import sys

import cv2
import numpy as np

path, width, height, amount = sys.argv[1], *map(int, sys.argv[2:])
image = np.memmap(path, dtype="<u2", mode="r+", shape=(height, width, 4))
cv2.add(image, (amount, amount, amount, 0), dst=image)
