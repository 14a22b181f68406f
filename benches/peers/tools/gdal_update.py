"""GDAL: an ENVI image, pixel-interleaved, opened for update; some rows of all bands read, and written back.

usage: gdal_update.py FILE WIDTH HEIGHT N
"""

import sys

import numpy as np
from osgeo import gdal

ROWS = 64

gdal.UseExceptions()
path, width, height, amount = sys.argv[1], *map(int, sys.argv[2:])
image = gdal.Open(path, gdal.GA_Update)
for y in range(0, height, ROWS):
    rows = min(ROWS, height - y)
    part = image.ReadAsArray(0, y, width, rows)
    colors = part[:3]
    np.minimum(colors, 65535 - amount, out=colors)
    colors += np.uint16(amount)
    image.WriteRaster(0, y, width, rows, part.tobytes())
image.FlushCache()
