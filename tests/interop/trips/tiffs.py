"""TIFFs: written by tifffile, GDAL, libvips and ImageMagick, edited, read back by the others."""

import subprocess
import warnings

import numpy as np

from .pictures import said
from .trip import values

SIDES = (141, 203)


def run(trips):
    tifffile, rasterio = trips.module("tifffile"), trips.module("rasterio")
    pyvips = trips.module("pyvips")
    magick = trips.tool("magick", "convert")
    readers = {}
    if tifffile:
        readers["tifffile"] = tifffile.imread
    if rasterio:
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        readers["GDAL"] = lambda path: by_gdal(rasterio, path)
    if pyvips:
        # It would hand out what a file of this name held before.
        pyvips.cache_set_max(0)
        readers["libvips"] = lambda path: pyvips.Image.new_from_file(str(path)).numpy()
    if tifffile:
        of_tifffile(trips, tifffile, readers)
        pyramid(trips, tifffile)
    if rasterio:
        of_gdal(trips, rasterio, readers)
    if pyvips:
        of_vips(trips, pyvips, readers)
    if magick and "ImageMagick" in said(magick, "-version"):
        of_magick(trips, magick, readers)


def by_gdal(rasterio, path):
    """Rows, columns, channels."""
    with rasterio.open(path) as image:
        return np.moveaxis(image.read(), 0, -1)


def interleaved(array, channels):
    """Rows, columns, channels, whichever way a reader hands them out."""
    array = np.asarray(array)
    if array.ndim == 2:
        return array[..., None]
    return array if array.shape[-1] == channels else np.moveaxis(array, 0, -1)


def trip(trips, name, path, array, readers):
    """One edit of all channels of a file that holds the array; everybody must then read what NumPy computes."""
    array = interleaved(array, array.shape[-1] if array.ndim == 3 else 1)
    channels = array.shape[-1]
    op = trips.next_op()
    size = path.stat().st_size
    judges = {reader: read for reader, read in readers.items() if can_judge(trips, f"{name}, by {reader}", read, path, array)}
    if trips.edit(path, op, "--channels=all") is None:
        return
    trips.check(f"{name}, length", path.stat().st_size == size, "was changed")
    for reader, read in judges.items():
        trips.compare(f"{name} {op.words}, by {reader}", interleaved(read(path), channels), op.apply(array))
    trips.check(name, judges, "nobody could read it")


def can_judge(trips, name, read, path, array):
    """Whether a reader finds in a file what was written; some cannot read signed samples, or planar files."""
    try:
        got = interleaved(read(path), array.shape[-1])
    except Exception as error:
        trips.skip(name, f"cannot read it: {str(error).splitlines()[0][:100]}")
        return False
    is_same = got.dtype.kind == array.dtype.kind and np.array_equal(got, array)
    if not is_same:
        trips.skip(name, f"reads other {got.dtype} than were written")
    return is_same


def of_tifffile(trips, tifffile, readers):
    for dtype in ("u2", "i2"):
        for channels in (1, 3, 4, 5):
            for tile in (None, (16, 16), (64, 48)):
                for bigtiff, order, planar in ((False, "<", False), (True, ">", False), (True, "<", True)):
                    array = values((*SIDES, channels), dtype)
                    kind = {"photometric": "rgb" if channels in (3, 4) else "minisblack"}
                    data = array if channels > 1 else array[..., 0]
                    if planar and channels > 1:
                        data = np.ascontiguousarray(np.moveaxis(array, -1, 0))
                    if channels > 1:
                        kind["planarconfig"] = "separate" if planar else "contig"
                    if tile is None:
                        kind["rowsperstrip"] = 7
                    path = trips.path("tifffile.tif")
                    tifffile.imwrite(path, data, bigtiff=bigtiff, byteorder=order, tile=tile, **kind)
                    name = f"tifffile {dtype} {channels} {tile} {order} {'planar' if planar else 'chunky'}"
                    trip(trips, name, path, array, readers)
    stack = values((6, *SIDES), "u2")
    for word in ("imagej", "ome"):
        path = trips.path(f"{word}.tif")
        tifffile.imwrite(path, stack, metadata={"axes": "ZYX"}, **{word: True})
        op = trips.next_op()
        if trips.edit(path, op) is not None:
            trips.compare(f"a stack, {word}", tifffile.imread(path), op.apply(stack))
        op = trips.next_op()
        before = tifffile.imread(path)
        before[2] = op.apply(before[2])
        if trips.edit(path, op, "--plane=3") is not None:
            trips.compare(f"a plane of a stack, {word}", tifffile.imread(path), before)


def pyramid(trips, tifffile):
    array = values((*SIDES, 3), "u2")
    path = trips.path("pyramid.tif")
    with tifffile.TiffWriter(path, bigtiff=True) as out:
        out.write(array, subifds=1, tile=(32, 32), photometric="rgb")
        out.write(array[::2, ::2].copy(), subfiletype=1, tile=(32, 32), photometric="rgb")
    info = trips.run("info", path)
    if info is not None:
        trips.check("levels of a pyramid", info["pages"]["levels"] == [[102, 71]], f"are {info['pages']}")
        trips.check("a stale pyramid", "smaller copy" in str(info["stale_parts"]), f"is not named: {info}")
    op = trips.next_op()
    if trips.edit(path, op) is not None:
        with tifffile.TiffFile(path) as image:
            trips.compare("a pyramid", image.series[0].levels[0].asarray(), op.apply(array))
            trips.compare("a pyramid, the smaller copy", image.series[0].levels[1].asarray(), array[::2, ::2])


def of_gdal(trips, rasterio, readers):
    for dtype in ("uint16", "int16"):
        for count in (1, 4, 7):
            for more in ({}, {"tiled": True, "blockxsize": 64, "blockysize": 32}, {"interleave": "band", "BIGTIFF": "YES"},
                         {"tiled": True, "blockxsize": 16, "blockysize": 16, "interleave": "band", "ENDIANNESS": "BIG"}):
                array = values((count, *SIDES), dtype)
                path = trips.path("gdal.tif")
                with rasterio.open(path, "w", driver="GTiff", width=SIDES[1], height=SIDES[0], count=count, dtype=dtype,
                                   **more) as out:
                    out.write(array)
                trip(trips, f"GDAL {dtype} {count} {more}", path, np.moveaxis(array, 0, -1), readers)
    array = values((1, *SIDES), "uint16")
    path = trips.path("nodata.tif")
    nodata = int(array[0, 3, 3])
    with rasterio.open(path, "w", driver="GTiff", width=SIDES[1], height=SIDES[0], count=1, dtype="uint16",
                       nodata=nodata) as out:
        out.write(array)
    op = trips.next_op()
    if trips.edit(path, op) is not None:
        want = np.where(array == nodata, array, op.apply(array))
        trips.compare("GDAL nodata", np.moveaxis(by_gdal(rasterio, path), -1, 0), want)


def of_vips(trips, pyvips, readers):
    for channels in (1, 3, 4):
        array = values((*SIDES, channels), "u2")
        image = pyvips.Image.new_from_array(array)
        for more in ({}, {"tile": True}, {"tile": True, "pyramid": True}, {"bigtiff": True},
                     {"tile": True, "tile_width": 64, "tile_height": 64, "pyramid": True, "subifd": True}):
            path = trips.path("vips.tif")
            image.tiffsave(str(path), **more)
            trip(trips, f"libvips {channels} {more}", path, array, readers)


def of_magick(trips, magick, readers):
    for channels, raw in ((1, "gray"), (3, "rgb"), (4, "rgba")):
        array = values((*SIDES, channels), "u2")
        source = trips.path("magick.raw")
        source.write_bytes(array.astype("<u2").tobytes())
        look = ["-size", f"{SIDES[1]}x{SIDES[0]}", "-depth", "16", "-endian", "LSB", f"{raw}:{source}"]
        for more in ([], ["-define", "tiff:tile-geometry=64x32"], ["-endian", "MSB"], ["-interlace", "plane"]):
            path = trips.path("magick.tif")
            done = subprocess.run([magick, *look, "-compress", "none", *more, str(path)], capture_output=True)
            if done.returncode != 0:
                trips.skip(f"ImageMagick {more}", done.stderr.decode().strip()[:100])
                continue
            trip(trips, f"ImageMagick {raw} {more}", path, array, readers)
