"""The image that is edited: how it is written and brought into a state, and what it must be afterwards.

Its samples repeat after a prime number of pixels, so that no two blocks are alike and a mistake in one place does not
look like the truth of another. What an edit must give is computed here sample by sample, for one period, by the plainest
loop; no peer's library has a part in it.
"""

import array
import os
import random
import sys

MIB = 1 << 20
WIDTH = 16384
PIXEL_BYTES = 8
PERIOD_BYTES = 65521 * PIXEL_BYTES
ROWS_PER_MIB = MIB // (WIDTH * PIXEL_BYTES)


def unsigned_colors(samples, amount):
    """Red, green and blue, unsigned; alpha is kept."""
    return [s if i % 4 == 3 else min(s + amount, 65535) for i, s in enumerate(samples)]


def signed_all(samples, amount):
    """All four channels, signed, as in the C# sample."""
    signed = [s - 65536 if s > 32767 else s for s in samples]
    return [min(s + amount, 32767) % 65536 for s in signed]


def to_bytes(samples):
    words = array.array("H", samples)
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


class Pattern:
    """What an image holds after it was edited `times` times, block by block."""

    def __init__(self, edit, amount, times):
        samples = array.array("H", random.Random(1).randbytes(PERIOD_BYTES))
        for _ in range(times):
            samples = edit(samples, amount)
        # A block begins anywhere in a period and is longer than one.
        self.text = to_bytes(samples) * 4

    def block(self, index):
        start = index * MIB % PERIOD_BYTES
        return self.text[start : start + MIB]


class Image:
    def __init__(self, path, mib, amount):
        self.path = path
        self.mib = mib
        self.amount = amount
        self.patterns = {}

    @property
    def height(self):
        return self.mib * ROWS_PER_MIB

    def pattern(self, edit, times):
        key = (edit, times)
        if key not in self.patterns:
            self.patterns[key] = Pattern(edit, self.amount, times)
        return self.patterns[key]

    def write(self):
        """Anew from nothing, in blocks of 1 MiB, so that the page cache holds it in the same way each time."""
        untouched = self.pattern(unsigned_colors, 0)
        with open(self.path, "wb", buffering=0) as file:
            for index in range(self.mib):
                file.write(untouched.block(index))
        with open(os.path.splitext(self.path)[0] + ".hdr", "w") as header:
            header.write(
                f"ENVI\nsamples = {WIDTH}\nlines = {self.height}\nbands = 4\nheader offset = 0\n"
                "file type = ENVI Standard\ndata type = 12\ninterleave = bip\nbyte order = 0\n"
                "band names = {Red, Green, Blue, Alpha}\n"
            )

    def prepare(self, state):
        """fresh: just written, all pages dirty. synced: then to the disk, in the cache and clean. reread: then dropped
        from the cache and read again. cold: dropped and not read again."""
        self.write()
        if state == "fresh":
            return
        with open(self.path, "r+b", buffering=0) as file:
            os.fdatasync(file.fileno())
            if state == "synced":
                return
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if state == "reread":
                while file.read(MIB):
                    pass

    def check(self, edit, times, window):
        """`right`, or how many samples are wrong. `window` are the MiB that were edited."""
        untouched, edited = self.pattern(edit, 0), self.pattern(edit, times)
        wrong, first = 0, None
        size = os.path.getsize(self.path)
        if size != self.mib * MIB:
            return f"WRONG: {size:,} bytes"
        with open(self.path, "rb", buffering=0) as file:
            for index in range(self.mib):
                expected = (edited if index in window else untouched).block(index)
                found = file.read(MIB)
                if found != expected:
                    places = different_samples(found, expected)
                    wrong += MIB // 2 - places.count(0)
                    if first is None:
                        first = index * MIB // 2 + next(i for i, differs in enumerate(places) if differs)
        if not wrong:
            return "right"
        return f"WRONG: {wrong:,} of {self.mib * MIB // 2:,} samples, first at {first:,}"


def different_samples(one, other):
    """A byte for each sample of a block: 0 where both are the same."""
    bits = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return (bits | bits >> 8).to_bytes(len(one), "little")[::2]
