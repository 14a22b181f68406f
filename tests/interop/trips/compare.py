"""The same operation by other programs: equal where their rounding is ours, else by how much they differ.

Every one of the 65,536 values goes through both, and the number of values that come out otherwise is told, with the
largest difference. Only what must be equal can fail.
"""

import subprocess

import numpy as np

from .pictures import head_of, said

ALL = np.arange(65536, dtype=np.uint16).reshape(256, 256)

# Whether it must be equal: it was in ImageMagick 6.9.11 (Q16), the one that was tried. The others are told.
MAGICK = [
    (["-negate"], ["--invert"], True),
    (["-evaluate", "add", "2000"], ["--add=2000"], True),
    (["-evaluate", "subtract", "2000"], ["--add=-2000"], True),
    (["-level", "1000,60000"], ["--levels=1000,60000"], False),
    (["-gamma", "1.7"], ["--gamma=1.7"], False),
    (["-level", "1000,60000,1.7"], ["--levels=1000,60000", "--gamma=1.7"], False),
    (["-evaluate", "multiply", "1.3"], ["--gain=1.3"], False),
    (["-evaluate", "multiply", "0.5"], ["--gain=0.5"], False),
    (["-evaluate", "multiply", "0.25"], ["--gain=0.25"], False),
]


def ours(trips, words):
    path = trips.path("ramp.npy")
    np.save(path, ALL)
    return np.load(path) if trips.run("adjust", path, *words) is not None else None


def tell(trips, name, words, theirs, must):
    path_values = ours(trips, words)
    if path_values is None:
        return
    difference = np.abs(theirs.astype(int) - path_values.astype(int))
    count, most = int((difference > 0).sum()), int(difference.max())
    if must:
        trips.check(name, count == 0, f"{count} of 65536 values differ from {words}, by {most} at most")
    if count:
        first = np.flatnonzero(difference)[0]
        example = f"; {first} becomes {theirs.flat[first]} there and {path_values.flat[first]} here"
    else:
        example = ""
    print(f"{name} and {' '.join(words)}: {count} of 65536 values differ, by {most} at most{example}")


def run(trips):
    magick = trips.tool("magick", "convert")
    if magick and "ImageMagick" in said(magick, "-version"):
        print(said(magick, "-version").splitlines()[0])
        for theirs, words, must in MAGICK:
            picture = b"P5\n256 256\n65535\n" + ALL.astype(">u2").tobytes()
            done = subprocess.run([magick, "-", *theirs, "-depth", "16", "pgm:-"], input=picture, capture_output=True)
            out = np.frombuffer(done.stdout[len(head_of(done.stdout)) :], ">u2").reshape(ALL.shape)
            tell(trips, f"ImageMagick {' '.join(theirs)}", words, out, must)
    cv2 = trips.module("cv2")
    if cv2:
        print(f"OpenCV {cv2.__version__}")
        # A plain number is added to the first channel only, and there is but one.
        tell(trips, "OpenCV add 2000", ["--add=2000"], cv2.add(ALL, np.full_like(ALL, 2000)), True)
        tell(trips, "OpenCV subtract 2000", ["--add=-2000"], cv2.subtract(ALL, np.full_like(ALL, 2000)), True)
        tell(trips, "OpenCV bitwise_not", ["--invert"], cv2.bitwise_not(ALL), True)
        for gain in ["1.3", "0.5", "0.25", "0.9"]:
            scaled = cv2.addWeighted(ALL, float(gain), ALL, 0, 0)
            tell(trips, f"OpenCV addWeighted {gain}", [f"--gain={gain}"], scaled, gain in ("0.5", "0.25"))
        gamma = np.rint(65535 * (np.arange(65536) / 65535) ** (1 / 1.7)).astype(np.uint16)
        try:
            looked_up = cv2.LUT(ALL, gamma)
        except cv2.error as error:
            trips.skip("OpenCV LUT", f"this version has none for 16 bits ({str(error).splitlines()[0][:100]})")
        else:
            tell(trips, "OpenCV LUT gamma 1.7", ["--gamma=1.7"], looked_up, True)
