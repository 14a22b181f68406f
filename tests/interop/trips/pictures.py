"""Netpbm pictures and farbfeld: written by ImageMagick, edited, read back by Netpbm, by hand, and by ImageMagick."""

import re
import subprocess

import numpy as np

from .trip import values

CHANNELS = {"pgm": 1, "ppm": 3, "gray.pam": 1, "rgb.pam": 3, "rgba.pam": 4, "ff": 4}
RAW = {1: "gray", 3: "rgb", 4: "rgba"}


def run(trips):
    magick = trips.tool("magick", "convert")
    netpbm = trips.tool("pamtopnm")
    if not magick or "ImageMagick" not in said(magick, "-version"):
        trips.skip("ImageMagick", "no 'magick' or 'convert' of ImageMagick's here")
        return
    for ending, channels in CHANNELS.items():
        array = values((31, 47, channels), ">u2")
        # ImageMagick may leave out an alpha that is full everywhere.
        path = trips.path(f"magick.{ending}")
        raw = trips.path("magick.raw")
        raw.write_bytes(array.tobytes())
        look = ["-size", "47x31", "-depth", "16", "-endian", "MSB"]
        kind = "farbfeld:" if ending == "ff" else ""
        done = subprocess.run([magick, *look, f"{RAW[channels]}:{raw}", "-depth", "16", f"{kind}{path}"], capture_output=True)
        if done.returncode != 0:
            trips.skip(f"ImageMagick's {ending}", done.stderr.decode().strip()[:120])
            continue
        head = head_of(path.read_bytes())
        trips.compare(f"{ending} as ImageMagick writes it", read(path, array.shape), array)
        for op in trips_ops(trips):
            was = read(path, array.shape)
            want = was.copy()
            colors = 3 if channels == 4 else channels
            want[..., :colors] = op.apply(was[..., :colors])
            if trips.edit(path, op) is None:
                continue
            name = f"ImageMagick {ending} {op.words}"
            trips.compare(f"{name}, by hand", read(path, array.shape), want)
            trips.check(f"{name}, header", head_of(path.read_bytes()) == head, "was changed")
            out = subprocess.run(
                [magick, f"{kind}{path}", *look[2:], f"{RAW[channels]}:-"], capture_output=True, check=True
            ).stdout
            trips.compare(f"{name}, by ImageMagick", np.frombuffer(out, ">u2").reshape(array.shape), want)
            if netpbm and ending != "ff" and channels != 4:
                out = subprocess.run([netpbm, "-assume", str(path)] if ending.endswith("pam") else [netpbm, str(path)],
                                     capture_output=True)
                if out.returncode != 0:
                    trips.fail(f"{name}, by Netpbm", out.stderr.decode())
                    continue
                got = np.frombuffer(out.stdout[len(head_of(out.stdout)):], ">u2").reshape(array.shape)
                trips.compare(f"{name}, by Netpbm", got, want)
    if netpbm:
        by_netpbm(trips)


def trips_ops(trips):
    return [trips.next_op() for _ in range(3)]


def said(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout


def head_of(data):
    """The bytes before the first sample."""
    if data.startswith(b"farbfeld"):
        return data[:16]
    if data.startswith(b"P7"):
        return data[: data.index(b"ENDHDR\n") + 7]
    return re.match(rb"P[56]\s+(?:#[^\n]*\n)*\d+\s+\d+\s+\d+\s", data).group(0)


def read(path, shape):
    data = path.read_bytes()
    return np.frombuffer(data[len(head_of(data)) :], ">u2").reshape(shape)


def by_netpbm(trips):
    """Pictures that Netpbm itself makes."""
    for command, ending in [
        (["pgmramp", "-lr", "-maxval=65535", "300", "200"], "pgm"),
        (["pgmnoise", "-maxval=65535", "301", "57"], "pgm"),
    ]:
        tool = trips.tool(command[0])
        if not tool:
            continue
        done = subprocess.run([tool, *command[1:]], capture_output=True)
        if done.returncode != 0:
            trips.skip(command[0], done.stderr.decode().strip()[:120])
            continue
        path = trips.path(f"netpbm.{ending}")
        path.write_bytes(done.stdout)
        was = np.frombuffer(done.stdout[len(head_of(done.stdout)) :], ">u2")
        op = trips.next_op()
        if trips.edit(path, op) is not None:
            trips.compare(f"Netpbm {command[0]}", read(path, was.shape), op.apply(was))
