"""libvips: raw in, raw out, into a second file.

usage: vips_raw.py FILE WIDTH HEIGHT N SECOND_FILE

The sum is in floating point, which holds every 16-bit sample exactly, and is cut to 16 bits by the cast.
"""

import sys

import pyvips

path, width, height, amount, second = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
image = pyvips.Image.rawload(path, width, height, 4, access="sequential", format="ushort")
(image + [amount, amount, amount, 0]).cast("ushort").rawsave(second)
