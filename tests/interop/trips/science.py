"""FITS, MRC, NRRD and MetaImage, by the programs that people write them with."""

import itertools
import warnings

import numpy as np

from .trip import values

SHAPES = [(31, 47), (5, 31, 17)]


def run(trips):
    for module, part in [("astropy.io.fits", fits), ("mrcfile", mrc), ("nrrd", nrrd), ("SimpleITK", itk)]:
        found = trips.module(module)
        if found is not None:
            part(trips, found)


def planes(array):
    """Words for a part of an array of images, and the slices for it."""
    yield [], tuple([slice(None)] * array.ndim)
    rect = ["--rect=1,2,9,11"]
    if array.ndim == 2:
        yield rect, (slice(2, 13), slice(1, 10))
    else:
        yield rect + ["--plane=2-3"], (slice(1, 3), slice(2, 13), slice(1, 10))


def changed(array, op, slices):
    want = array.copy()
    want[slices] = op.apply(array[slices])
    return want


def fits(trips, fits):
    for shape, dtype, extension in itertools.product(SHAPES, ["i2", "u2"], [False, True]):
        array = values(shape, dtype)
        for words, slices in planes(array):
            path, op = trips.path("image.fits"), trips.next_op()
            table = fits.BinTableHDU.from_columns([fits.Column(name="a", format="J", array=np.arange(999))])
            float_hdu = fits.ImageHDU(np.ones((3, 3), "f4"), name="ERR")
            if extension:
                hdus = [fits.PrimaryHDU(), table, fits.ImageHDU(array, name="SCI"), float_hdu]
                index, more = 2, ["--page=3"]
            else:
                hdus, index, more = [fits.PrimaryHDU(array), table], 0, []
            hdus[index].header["HISTORY"] = "by astropy"
            fits.HDUList(hdus).writeto(path, overwrite=True)
            before = path.read_bytes()
            name = f"FITS {shape} {dtype} extension {extension} {op.words} {words}"
            if trips.edit(path, op, *more, *words) is None:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with fits.open(path) as back:
                    back.verify("exception")
                    trips.compare(name, back[index].data, changed(array, op, slices))
                    start = back[index].fileinfo()["datLoc"]
                    end = start + array.nbytes
            after = path.read_bytes()
            same = after[:start] == before[:start] and after[end:] == before[end:]
            trips.check(f"{name}, all else", same, "was changed")
    for shape, dtype, checksum in itertools.product(SHAPES, ["i2", "u2"], [True, "datasum"]):
        array = values(shape, dtype)
        for words, slices in planes(array):
            path, op = trips.path("sums.fits"), trips.next_op()
            hdus = [fits.PrimaryHDU(), fits.ImageHDU(array, name="SCI"), fits.ImageHDU(array, name="DQ")]
            fits.HDUList(hdus).writeto(path, overwrite=True, checksum=checksum)
            name = f"FITS with sums {shape} {dtype} {checksum} {op.words} {words}"
            if trips.edit(path, op, "--page=2", *words) is None:
                continue
            with warnings.catch_warnings():
                # Astropy warns of sums that are wrong.
                warnings.simplefilter("error")
                with fits.open(path, checksum=True) as back:
                    trips.compare(name, back[1].data, changed(array, op, slices))
                    trips.compare(f"{name}, the other", back[2].data, array)
    array = values((31, 47), "i2")
    hdu = fits.PrimaryHDU(array)
    hdu.header["BLANK"] = int(array[3, 4])
    path, op = trips.path("blank.fits"), trips.next_op()
    hdu.writeto(path, overwrite=True)
    if trips.edit(path, op) is not None:
        want = np.where(array == array[3, 4], array, op.apply(array))
        with fits.open(path, do_not_scale_image_data=True) as back:
            trips.compare("FITS with BLANK", back[0].data, want)


def mrc(trips, mrcfile):
    for shape, dtype in itertools.product(SHAPES, ["<i2", ">i2", "<u2", ">u2"]):
        array = values(shape, dtype)
        for words, slices in planes(array):
            path, op = trips.path("map.mrc"), trips.next_op()
            with mrcfile.new(path, data=array, overwrite=True) as made:
                made.set_extended_header(np.arange(123, dtype="u1"))
                made.header.exttyp = b"AGAR"
                made.add_label("by mrcfile")
                made.voxel_size = 1.5
            name = f"MRC {shape} {dtype} {op.words} {words}"
            if trips.edit(path, op, *words) is None:
                continue
            with mrcfile.open(path) as back:
                trips.compare(name, back.data, changed(array, op, slices))
                header = back.header
                said = [float(header[key]) for key in ("dmin", "dmax", "dmean", "rms")]
                trips.check(f"{name}, statistics", said == [0, -1, -2, -1], f"{said}")
                same = bytes(back.extended_header) == bytes(range(123)) and "by mrcfile" in str(back.get_labels())
                trips.check(f"{name}, all else", same, "was changed")
            is_valid = mrcfile.validate(str(path), print_file=open(trips.path("validated"), "w"))
            trips.check(f"{name}, as mrcfile validates it", is_valid, trips.path("validated").read_text())


def nrrd(trips, nrrd):
    itk = trips.module("SimpleITK")
    for shape, dtype, detached in itertools.product(SHAPES, ["<i2", ">i2", "<u2", ">u2"], [False, True]):
        array = values(shape, dtype)
        for words, slices in planes(array):
            op = trips.next_op()
            path = trips.path("array.nhdr" if detached else "array.nrrd")
            kinds = ["domain"] * array.ndim
            header = {"encoding": "raw", "kinds": kinds, "note": "by pynrrd"}
            nrrd.write(str(path), array, header, index_order="C", detached_header=detached)
            name = f"NRRD {shape} {dtype} detached {detached} {op.words} {words}"
            if trips.edit(path, op, *words) is None:
                continue
            want = changed(array, op, slices)
            got, said = nrrd.read(str(path), index_order="C")
            trips.compare(name, got, want)
            trips.check(f"{name}, header", said.get("note") == "by pynrrd", f"{said}")
            if itk is not None:
                trips.compare(f"{name}, by SimpleITK", itk.GetArrayFromImage(itk.ReadImage(str(path))), want)
    # What pynrrd writes unless told otherwise is compressed.
    path = trips.path("compressed.nrrd")
    nrrd.write(str(path), values((31, 47), "<u2"))
    before = path.read_bytes()
    refuses(trips, path, "compressed")
    trips.check("NRRD, compressed", path.read_bytes() == before, "was changed")


def itk(trips, itk):
    for ending, dtype, channels in itertools.product(["mha", "mhd", "nrrd", "nhdr"], ["i2", "u2"], [1, 3, 4]):
        for shape in SHAPES:
            array = values(shape + (channels,) if channels > 1 else shape, dtype)
            for words, slices in planes(array) if channels == 1 else [([], (slice(None),))]:
                op = trips.next_op()
                path = trips.path(f"itk.{ending}")
                image = itk.GetImageFromArray(array, isVector=channels > 1)
                image.SetSpacing([0.5] * len(shape))
                itk.WriteImage(image, str(path), useCompression=False)
                name = f"SimpleITK {ending} {array.shape} {dtype} {op.words} {words}"
                if trips.edit(path, op, *words) is None:
                    continue
                back = itk.ReadImage(str(path))
                trips.compare(name, itk.GetArrayFromImage(back), changed(array, op, slices))
                trips.check(f"{name}, spacing", set(back.GetSpacing()) == {0.5}, f"{back.GetSpacing()}")
    for ending in ["mha", "nrrd"]:
        path = trips.path(f"compressed.{ending}")
        itk.WriteImage(itk.GetImageFromArray(values((31, 47), "u2")), str(path), useCompression=True)
        refuses(trips, path, "compressed")
    # ITK writes and reads MRC, too.
    array = values((5, 31, 17), "u2")
    path, op = trips.path("itk.mrc"), trips.next_op()
    itk.WriteImage(itk.GetImageFromArray(array), str(path))
    if trips.edit(path, op) is not None:
        trips.compare("SimpleITK mrc", itk.GetArrayFromImage(itk.ReadImage(str(path))), op.apply(array))


def refuses(trips, path, says):
    import subprocess

    done = subprocess.run([trips.program, "brighten", str(path), "--by=1"], capture_output=True, text=True, timeout=300)
    is_so = done.returncode == 65 and says in done.stderr
    trips.check(f"{path.name} is refused", is_so, f"{done.returncode}: {done.stderr}")
