"""All round trips, or the short ones."""

import argparse
import sys
from pathlib import Path

from . import arrays, bands, compare, pictures, real, science, tiffs
from .trip import Trips


def main():
    parser = argparse.ArgumentParser(prog="tests/interop/run")
    parser.add_argument("--program", required=True)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--images", type=Path)
    said = parser.parse_args()
    trips = Trips(said.program, said.work)
    arrays.run(trips)
    if not said.short:
        for part in (bands, pictures, tiffs, science, compare):
            part.run(trips)
        if said.images:
            real.run(trips, said.images)
        else:
            trips.skip("real images", "no folder was named")
    return trips.finish()


sys.exit(main())
