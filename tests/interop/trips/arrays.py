"""Arrays that NumPy writes and reads."""

import io
import itertools

import numpy as np

from .trip import values

AXES = {2: ["yx", "xy"], 3: ["zyx", "yxc", "cyx", "xyc"], 4: ["zyxc", "zcyx", "cxyz"], 5: ["tzyxc", "ctzyx"]}
SHAPES = {2: (61, 47), 3: (5, 31, 17), 4: (4, 13, 17, 3), 5: (2, 3, 11, 13, 3)}
DTYPES = ["<u2", ">u2", "<i2", ">i2"]


def run(trips):
    for rank, dtype, order in itertools.product(SHAPES, DTYPES, "CF"):
        for axes in AXES[rank]:
            array = np.array(values(SHAPES[rank], dtype), order=order)
            for part in parts(array, axes):
                check(trips, array, axes, part)
    versions(trips)
    defaults(trips)
    raw(trips)


def parts(array, axes):
    """Words for a part of an array, and the slices that NumPy has for it."""
    everything = [slice(None)] * array.ndim
    yield [], tuple(everything)
    side = dict(zip(axes, array.shape))
    if side["x"] > 2 and side["y"] > 2:
        rect = list(everything)
        rect[axes.index("x")] = slice(1, side["x"] - 1)
        rect[axes.index("y")] = slice(2, side["y"])
        yield [f"--rect=1,2,{side['x'] - 2},{side['y'] - 2}"], tuple(rect)
    if axes.count("z") == 1 and "t" not in axes:
        plane = list(everything)
        plane[axes.index("z")] = slice(1, 3)
        yield ["--plane=2-3"], tuple(plane)
    if "c" in axes and side["c"] > 1:
        channel = list(everything)
        channel[axes.index("c")] = slice(1, 2)
        yield ["--channels=2"], tuple(channel)


def check(trips, array, axes, part):
    words, slices = part
    op = trips.next_op()
    path = trips.path("array.npy")
    np.save(path, array)
    before = path.read_bytes()
    want = array.copy()
    want[slices] = op.apply(array[slices])
    name = f"NPY {array.dtype.str} {axes} {array.shape} fortran {np.isfortran(array)} {op.words} {words}"
    if trips.edit(path, op, f"--axes={axes}", *words) is None:
        return
    got = np.load(path)
    trips.compare(name, got, want)
    header = len(before) - array.nbytes
    after = path.read_bytes()
    trips.check(f"{name}, header", after[:header] == before[:header] and len(after) == len(before), "was changed")


def versions(trips):
    """The three versions of the header."""
    array = values((31, 47), "<u2")
    for version in [(1, 0), (2, 0), (3, 0)]:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=version)
        path = trips.path("version.npy")
        path.write_bytes(stream.getvalue())
        op = trips.next_op()
        if trips.edit(path, op) is not None:
            trips.compare(f"NPY version {version}", np.load(path), op.apply(array))


def defaults(trips):
    """Axes that nobody names."""
    for shape in [(300,), (31, 47), (31, 47, 3), (31, 47, 4), (7, 31, 47), (3, 31, 47, 4)]:
        for order in "CF":
            array = np.array(values(shape, "<u2"), order=order)
            path = trips.path("default.npy")
            np.save(path, array)
            op = trips.next_op()
            if trips.edit(path, op) is not None:
                trips.compare(f"NPY {shape} {order} without --axes", np.load(path), op.apply(array))
    # A map that NumPy makes for writing is a file like any other.
    path = trips.path("map.npy")
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=">i2", shape=(400, 300), fortran_order=True)
    mapped[:] = values((400, 300), ">i2")
    mapped.flush()
    want = np.array(mapped)
    op = trips.next_op()
    if trips.edit(path, op) is not None:
        # Seen through the map that is still there.
        trips.compare("NPY that is mapped meanwhile", np.array(mapped), op.apply(want))


def raw(trips):
    """Plain samples behind some bytes, as memmap has them."""
    for dtype, word in [("<u2", "u16le"), (">u2", "u16be"), ("<i2", "i16le"), (">i2", "i16be")]:
        array = values((61, 47, 3), dtype)
        path = trips.path("image.raw")
        path.write_bytes(b"head\n" + array.tobytes())
        op = trips.next_op()
        words = [f"--pixel=rgb:{word}", "--size=47x61", "--data-offset=5"]
        if trips.edit(path, op, *words) is not None:
            got = np.memmap(path, dtype=dtype, mode="r", offset=5, shape=array.shape)
            trips.compare(f"raw {dtype}", got, op.apply(array))
        said = trips.run("stats", path, *words)
        if said is not None:
            got = np.fromfile(path, dtype, offset=5).reshape(array.shape)
            means = [channel["mean"] for channel in said["channels"]]
            is_near = np.allclose(means, got.reshape(-1, 3).mean(axis=0), rtol=1e-12, atol=0)
            trips.check(f"stats {dtype}", is_near, f"{means}")
