"""ENVI files: written by GDAL, read back by Spectral Python, and the other way round."""

import warnings

import numpy as np

from .trip import values


def run(trips):
    rasterio = trips.module("rasterio")
    spectral = trips.module("spectral")
    if rasterio:
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        by_gdal(trips, rasterio, spectral)
    if spectral:
        by_spectral(trips, spectral, rasterio)


def read_spectral(spectral, header, path):
    image = spectral.io.envi.open(str(header), str(path))
    # As it is stored, and not as reflectance.
    return np.array(image.open_memmap(interleave="bip"))


def by_gdal(trips, rasterio, spectral):
    from rasterio.transform import from_origin

    transform = from_origin(500000, 4600000, 30, 30)
    for interleave in ["BIP", "BIL", "BSQ"]:
        for bands in [1, 2, 3, 4, 5, 8, 224]:
            for dtype in ["uint16", "int16"]:
                for nodata in [None, 77]:
                    array = values((bands, 31, 47), dtype)
                    array[:, 3:9, 5:11] = 77
                    path = trips.path("gdal.img")
                    profile = dict(driver="ENVI", width=47, height=31, count=bands, dtype=dtype, crs="EPSG:32631")
                    with rasterio.open(
                        path, "w", interleave=interleave, transform=transform, nodata=nodata, **profile
                    ) as image:
                        image.write(array)
                        image.descriptions = tuple(f"wave {band + 1}" for band in range(bands))
                    header = path.with_suffix(".hdr")
                    text = header.read_bytes()
                    op = trips.next_op()
                    want = op.apply(array)
                    if nodata is not None:
                        want[array == nodata] = nodata
                    name = f"GDAL ENVI {interleave} {bands} {dtype} nodata {nodata} {op.words}"
                    if trips.edit(path, op) is None:
                        continue
                    trips.check(f"{name}, header", header.read_bytes() == text, "was changed")
                    with rasterio.open(path) as image:
                        trips.compare(f"{name}, by GDAL", image.read(), want)
                        kept = (image.transform, image.nodata, image.crs.to_epsg(), image.descriptions[-1])
                        was = (transform, nodata, 32631, f"wave {bands}")
                        trips.check(f"{name}, metadata", kept == was, f"{kept}")
                    if spectral:
                        got = read_spectral(spectral, header, path)
                        trips.compare(f"{name}, by Spectral", got.transpose(2, 0, 1), want)


def by_spectral(trips, spectral, rasterio):
    for interleave in ["bip", "bil", "bsq"]:
        for bands in [1, 3, 4, 7, 224]:
            for dtype, order in [("uint16", 0), ("uint16", 1), ("int16", 0), ("int16", 1)]:
                array = values((31, 47, bands), dtype)
                header = trips.path("spectral.hdr")
                names = [f"B{band}" for band in range(bands)]
                metadata = {"band names": names, "wavelength": [400 + band for band in range(bands)]}
                spectral.envi.save_image(
                    str(header), array, dtype=dtype, interleave=interleave, byteorder=order, force=True, metadata=metadata
                )
                path = header.with_suffix(".img")
                text = header.read_bytes()
                op = trips.next_op()
                want = array.copy()
                words, chosen = ([], slice(None)) if bands < 4 else (["--channels=2,B2"], slice(1, 3))
                want[..., chosen] = op.apply(array[..., chosen])
                name = f"Spectral ENVI {interleave} {bands} {dtype} order {order} {op.words} {words}"
                if trips.edit(path, op, *words) is None:
                    continue
                trips.check(f"{name}, header", header.read_bytes() == text, "was changed")
                trips.compare(f"{name}, by Spectral", read_spectral(spectral, header, path), want)
                if rasterio:
                    with rasterio.open(path) as image:
                        trips.compare(f"{name}, by GDAL", image.read().transpose(1, 2, 0), want)
