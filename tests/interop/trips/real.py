"""Real images: whatever pictures of 16 bits GDAL reads in a folder, as ENVI and NPY; and what Pagelight imports itself."""

import numpy as np

from .bands import read_spectral


def run(trips, folder):
    rasterio = trips.module("rasterio")
    if not rasterio:
        return
    spectral = trips.module("spectral")
    for source in sorted(folder.iterdir()):
        if source.suffix.lower() not in (".tif", ".tiff", ".png", ".fits", ".fit"):
            continue
        try:
            with rasterio.open(source) as image:
                array = image.read()
                nodata = image.nodata
        except rasterio.errors.RasterioError as error:
            trips.skip(source.name, str(error))
            continue
        if array.dtype not in (np.uint16, np.int16):
            trips.skip(source.name, f"its samples are {array.dtype}")
            continue
        as_envi(trips, rasterio, spectral, source, array, nodata)
        as_npy(trips, source, array)


def as_envi(trips, rasterio, spectral, source, array, nodata):
    bands, height, width = array.shape
    for interleave in ["BIP", "BIL", "BSQ"]:
        path = trips.path("real.img")
        profile = dict(driver="ENVI", width=width, height=height, count=bands, dtype=array.dtype, nodata=nodata)
        with rasterio.open(path, "w", interleave=interleave, **profile) as image:
            image.write(array)
        op = trips.next_op()
        want = op.apply(array)
        if nodata is not None:
            want[array == nodata] = array.dtype.type(nodata)
        name = f"{source.name} as ENVI {interleave} {op.words}"
        if trips.edit(path, op) is None:
            continue
        with rasterio.open(path) as image:
            trips.compare(f"{name}, by GDAL", image.read(), want)
        if spectral:
            got = read_spectral(spectral, path.with_suffix(".hdr"), path)
            trips.compare(f"{name}, by Spectral", got.transpose(2, 0, 1), want)


def as_npy(trips, source, array):
    for order in "CF":
        path = trips.path("real.npy")
        np.save(path, np.array(array, order=order))
        op = trips.next_op()
        if trips.edit(path, op, "--axes=cyx") is not None:
            trips.compare(f"{source.name} as NPY {order} {op.words}", np.load(path), op.apply(array))
        said = trips.run("stats", path, "--axes=cyx")
        if said is not None:
            now = np.load(path)
            low_high = [[channel["min"], channel["max"]] for channel in said["channels"]]
            want = [[int(band.min()), int(band.max())] for band in now]
            trips.check(f"stats of {source.name} {order}", low_high == want, f"{low_high}, not {want}")
