"""The programs that are compared: how each is called, and what is special about it."""

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Callable

from compare.image import MIB, WIDTH, signed_all, unsigned_colors

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass
class Peer:
    name: str
    """For --only."""
    label: str
    command: Callable
    """From an image and the second file's path to the words of the command."""
    version: list
    """A command that prints its version, and fails where it is not installed."""
    note: str
    in_place: str = "yes"
    every_state: bool = False
    """Fast enough to be timed in every state of the page cache."""
    syncs: bool = False
    """Ends only when its bytes are on the disk."""
    edit: Callable = unsigned_colors
    window_mib: int = 0
    """Edits only so much of the image, from its middle on; 0 is all of it."""

    @property
    def second_file(self):
        return self.in_place == "second file"

    def window(self, image):
        """The MiB of the image that are edited."""
        if not self.window_mib:
            return range(image.mib)
        start = image.mib // 2
        return range(start, min(start + self.window_mib, image.mib))


def all_peers(folder, programs):
    """`folder` has the virtual environment and what is compiled here, `programs` what cargo built."""
    python = os.path.join(folder, "venv", "bin", "python")
    # GDAL's module belongs to the system's own Python.
    system_python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    sample = os.path.join(folder, "Sample.exe")
    convert = next((name for name in ("magick", "convert-im6.q16", "convert") if shutil.which(name)), "magick")

    def tool(name, interpreter=python):
        script = os.path.join(HERE, "tools", name)
        return lambda image, _: [interpreter, script, image.path, str(WIDTH), str(image.height), str(image.amount)]

    def module(*names, interpreter=python):
        said = " + ' ' + ".join(f"'{name} ' + {name}.__version__" for name in names)
        return [interpreter, "-c", f"import {', '.join(names)}; print({said})"]

    def pagelight(*words):
        words = ["--pixel", "rgba16", *words]
        return lambda image, _: [programs["pagelight"], "brighten", image.path, "--by", str(image.amount), *words]

    def size(image):
        return f"{WIDTH}x{image.height}"

    def magick(image, second):
        raw = ["-depth", "16", "-endian", "LSB"]
        edit = ["-channel", "RGB", "-evaluate", "add", str(image.amount), "+channel"]
        return [convert, "-size", size(image), *raw, f"rgba:{image.path}", *edit, *raw, f"rgba:{second}"]

    def graphics_magick(image, second):
        raw = ["-depth", "16", "-endian", "LSB"]
        edit = [word for color in ("Red", "Green", "Blue") for word in ("-operator", color, "Add", str(image.amount))]
        return ["gm", "convert", "-size", size(image), *raw, f"rgba:{image.path}", *edit, *raw, f"rgba:{second}"]

    def mono(image, _):
        window = sample_peer.window(image)
        where = [str(window.start * MIB), str(len(window) * MIB)]
        return ["mono", sample, image.path, *where, str(image.amount)]

    sample_peer = Peer(
        "csharp",
        "C# sample, Mono",
        mono,
        ["mono", "--version"],
        "Microsoft's memory-mapped-file sample, written anew: all four channels, signed, alpha too, so it is checked "
        "against an oracle of its own; only a window of 64 MiB; disposing of the accessor waits for the disk, by msync",
        edit=signed_all,
        window_mib=64,
    )
    return [
        Peer(
            "pagelight",
            "pagelight --no-sync",
            pagelight("--no-sync"),
            [programs["pagelight"], "--version"],
            "journal on: can be killed at any instruction and finished exactly",
            in_place="yes, journal",
            every_state=True,
        ),
        Peer(
            "pagelight-sync",
            "pagelight",
            pagelight(),
            [programs["pagelight"], "--version"],
            "as it comes: journal on, and ends only when the bytes are on the disk, which no other but the C# sample "
            "waits for in the page cache's table",
            in_place="yes, journal",
            every_state=True,
            syncs=True,
        ),
        Peer(
            "plain",
            "memmap2 + rayon loop",
            lambda image, _: [programs["plain_loop"], image.path, str(image.amount)],
            ["cargo", "--version"],
            "plain_loop.rs: the loop that Rust programmers write, without a journal",
            every_state=True,
        ),
        Peer(
            "opencv",
            "OpenCV on numpy.memmap",
            tool("opencv_memmap.py"),
            module("cv2", "numpy"),
            "cv2.add with the map as its own result; sides below 2^31",
            every_state=True,
        ),
        Peer(
            "numba",
            "Numba on numpy.memmap",
            tool("numba_loop.py"),
            module("numba", "numpy"),
            "parallel loop; compiled by an earlier run, which is not counted",
            every_state=True,
        ),
        Peer(
            "numpy",
            "numpy.memmap, slices",
            tool("numpy_memmap.py"),
            module("numpy"),
            "slices of 256 KiB, ceilings and addends repeated to their length; `[..., :3]` is "
            "slower",
        ),
        Peer(
            "dask",
            "Dask on numpy.memmap",
            tool("dask_store.py"),
            module("dask", "numpy"),
            "stored back into the same map, blocks of Dask's own choice",
        ),
        Peer(
            "vips",
            "libvips",
            lambda image, second: [*tool("vips_raw.py")(image, second), second],
            [python, "-c", "import pyvips; print('libvips', *map(pyvips.version, range(3)))"],
            "raw in, raw out, by pyvips",
            in_place="second file",
        ),
        Peer(
            "gdal",
            "GDAL, ENVI update",
            tool("gdal_update.py", system_python),
            [system_python, "-c", "import numpy; from osgeo import gdal; print('GDAL', gdal.__version__)"],
            "64 rows of all bands read and written back",
        ),
        Peer(
            "graphicsmagick",
            "GraphicsMagick",
            graphics_magick,
            ["gm", "version"],
            "an operator for each color",
            in_place="second file",
        ),
        Peer(
            "imagemagick",
            "ImageMagick",
            magick,
            [convert, "-version"],
            "with the policy that its package brings",
            in_place="second file",
        ),
        sample_peer,
    ]
