"""What all round trips share: the program, the operations as NumPy does them, and who passed."""

import importlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np


def ends(dtype):
    """The smallest and the largest value."""
    info = np.iinfo(dtype)
    return float(info.min), float(info.max)


def table(formula):
    """An operation by a formula on floats: rounded, a half to the even number, and stopped at the ends."""

    def apply(values):
        low, high = ends(values.dtype)
        exact = formula(values.astype(np.float64), low, high)
        return np.clip(np.rint(exact), low, high).astype(values.dtype)

    return apply


def bend(v, low, high):
    spread = low + (v - 1000) * (high - low) / (30000 - 1000)
    inside = (spread >= low) & (spread <= high)
    share = np.where(inside, (spread - low) / (high - low), 0)
    return np.where(inside, low + (high - low) * share ** (1 / 1.7), spread)


@dataclass(frozen=True)
class Op:
    """One edit, as words for the program and as NumPy does it."""

    words: tuple
    apply: Callable


OPS = [
    Op(("brighten", "--by=2000"), table(lambda v, low, high: v + 2000)),
    Op(("brighten", "--by=-30000"), table(lambda v, low, high: v - 30000)),
    Op(("adjust", "--levels=1000,30000", "--gamma=1.7"), table(bend)),
    Op(("adjust", "--invert"), table(lambda v, low, high: low + high - v)),
    Op(("adjust", "--gain=0.5", "--add=100"), table(lambda v, low, high: v * 0.5 + 100)),
]


def values(shape, dtype, seed=1):
    """Values from all over the type, both ends among them; different at every place nearby."""
    random = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    made = random.integers(info.min, info.max, size=shape, endpoint=True).astype(dtype)
    flat = made.reshape(-1)
    flat[::97] = info.max
    flat[5::89] = info.min
    return made


class Trips:
    """Who passed, who failed, and what was skipped."""

    def __init__(self, program, work):
        self.program = program
        self.work = work
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.turn = 0

    def path(self, name):
        return self.work / name

    def next_op(self):
        self.turn += 1
        return OPS[self.turn % len(OPS)]

    def run(self, *words):
        """Runs Pagelight; what it says as JSON, or None after a complaint."""
        words = [str(word) for word in words]
        done = subprocess.run([self.program, *words, "--json"], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            self.fail(" ".join(words), done.stderr.strip())
            return None
        return json.loads(done.stdout)

    def edit(self, path, op, *words):
        return self.run(op.words[0], path, *op.words[1:], "--no-sync", *words)

    def compare(self, name, got, want):
        got, want = np.asarray(got), np.asarray(want)
        if got.shape != want.shape:
            self.fail(name, f"its shape is {got.shape}, not {want.shape}")
        elif not np.array_equal(got.astype(np.int64), want.astype(np.int64)):
            wrong = np.argwhere(got != want)
            first = tuple(int(i) for i in wrong[0])
            self.fail(name, f"{len(wrong)} of {got.size} differ, the first at {first}: {got[first]}, not {want[first]}")
        else:
            self.passed += 1

    def check(self, name, is_so, otherwise):
        if is_so:
            self.passed += 1
        else:
            self.fail(name, otherwise)

    def fail(self, name, why):
        self.failed.append(name)
        print(f"FAILED {name}: {why}")

    def skip(self, name, why):
        self.skipped.append(name)
        print(f"SKIPPED {name}: {why}")

    def module(self, name):
        """A module of Python, or None, said loudly."""
        try:
            return importlib.import_module(name)
        except ImportError as error:
            self.skip(name, str(error))
            return None

    def tool(self, *names):
        """A program, by its first name that is there."""
        for name in names:
            # In a place of its own first: a machine may have another program of this name in front of it.
            found = next((str(p) for p in [Path("/usr/bin") / name] if p.exists()), None) or shutil.which(name)
            if found:
                return found
        self.skip(names[0], "is not installed")
        return None

    def finish(self):
        print(f"interop: {self.passed} comparisons passed, {len(self.failed)} failed, {len(self.skipped)} skipped")
        return 1 if self.failed or not self.passed else 0
