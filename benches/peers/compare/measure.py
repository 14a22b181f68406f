"""One run of one peer: prepare the image, start, measure, check."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

from compare.install import last_line

LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
# A run that takes longer is given up.
LIMIT_SECONDS = 150
# What is killed may be waiting for a slow disk.
PATIENCE_SECONDS = 60
# Peers whose runs take so many seconds get so many rounds at most.
SLOW = [(20, 1), (4, 2)]


class Bench:
    """A folder with the image, and what was measured so far, by peer and state."""

    def __init__(self, folder):
        self.folder = folder
        self.results = {}
        self.image = None

    def __enter__(self):
        self.images = tempfile.mkdtemp(prefix="image-", dir=self.folder)
        self.path = os.path.join(self.images, "image.raw")
        self.second = os.path.join(self.images, "second.raw")
        self.log = os.path.join(self.images, "log")
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.environ["NUMBA_CACHE_DIR"] = os.path.join(self.folder, "numba")
        # On the image's own disk, and removed with it: who is killed leaves gigabytes of them.
        os.environ["TMPDIR"] = self.images
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.images, ignore_errors=True)

    def get_ready(self, peer, small_image):
        """Asks for the peer's version and runs it on a small image: that loads it, compiles what it compiles, and tells
        what its start costs. False if it is not there."""
        print(f"{peer.name}: getting ready", file=sys.stderr)
        entry = {"label": peer.label, "in_place": peer.in_place, "note": peer.note, "syncs": peer.syncs, "states": {}}
        self.results[peer.name] = entry
        try:
            asked = subprocess.run(peer.version, capture_output=True, text=True)
        except OSError as error:
            entry["missing"] = f"not installed ({error.strerror})"
            return False
        if asked.returncode:
            entry["missing"] = f"not installed ({last_line(asked.stderr)})"
            return False
        entry["version"] = asked.stdout.splitlines()[0]
        self.image = small_image
        for _ in range(2):
            small_image.prepare("fresh")
            measured = self.measure(peer)
        # How long a tool takes to refuse the image says nothing of its start.
        if not measured["code"]:
            entry["start_seconds"] = measured["seconds"]
        return True

    def round(self, peer, state, number, deadline, group=None, again=None):
        """A run in `state` and, if all is well, another in the state `again` without preparing the image anew."""
        earlier = self.results[peer.name]["states"].get(state)
        if number and not self.another(earlier, number, deadline):
            return
        begun = time.monotonic()
        self.image.prepare(state)
        well = self.record(peer, state, 1, group)
        if well and again:
            self.record(peer, again, 2, group)
        self.results[peer.name]["states"][state]["round_seconds"] = time.monotonic() - begun

    def another(self, earlier, number, deadline):
        """Whether there is to be another round."""
        if earlier["result"] != "right" and not earlier["result"].startswith("WRONG"):
            return False
        seconds = earlier["runs"][-1]["seconds"]
        rounds = next((rounds for slow, rounds in SLOW if seconds > slow), number + 1)
        return number < rounds and time.monotonic() + earlier["round_seconds"] < deadline

    def record(self, peer, state, times, group):
        kept = self.results[peer.name]["states"].setdefault(state, {"runs": [], "result": "right"})
        kills = group.kills() if group else 0
        measured = self.measure(peer, group)
        if measured["late"]:
            result = f"not done after {LIMIT_SECONDS} s"
        elif measured["code"] and group and group.kills() > kills:
            result = "killed (out of memory)"
        elif measured["code"]:
            result = f"failed: {measured['said']}"
        else:
            result = self.image.check(peer.edit, times, peer.window(self.image))
            measured["bytes"] = len(peer.window(self.image)) << 20
            measured["gb_per_second"] = measured["bytes"] / measured["seconds"] / 1e9
            kept["runs"].append(measured)
        # A wrong result of any round stays.
        if kept["result"] == "right":
            kept["result"] = result
        print(f"{peer.name}: {state}: {measured['seconds']:.2f} s, {result}", file=sys.stderr)
        return not measured["code"]

    def measure(self, peer, group=None):
        """Runs the peer once; within a control group, until its bytes are on the disk."""
        written = self.second if peer.second_file else self.path
        task = {
            "command": peer.command(self.image, self.second),
            "control_group": group.path if group else None,
            "then_sync": written if group and not peer.syncs else None,
            "limit_seconds": LIMIT_SECONDS,
            "log": self.log,
        }
        before = disk_traffic(self.images)
        measured = launch(task)
        after = disk_traffic(self.images)
        measured["disk_read_bytes"], measured["disk_written_bytes"] = (b - a for a, b in zip(before, after))
        if measured["code"]:
            measured["said"] = what_it_said(self.log).replace(self.path, "IMAGE").replace(self.second, "SECOND")
        elif not os.path.exists(written):
            measured |= {"code": 1, "said": "ended well, and left no result"}
        elif peer.second_file:
            os.replace(self.second, self.path)
        if measured["code"]:
            self.tidy()
        return measured

    def tidy(self):
        """Leaves nothing beside the image: half a second file, temporary files, and above all a journal, because of
        which Pagelight would refuse every later run."""
        for name in os.listdir(self.images):
            path = os.path.join(self.images, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif path != self.path:
                os.remove(path)


def launch(task):
    command = [sys.executable, "-I", "-S", LAUNCH, json.dumps(task)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as launcher:
        try:
            said = launcher.stdout.read()
        finally:
            # Not waited for as yet, so that the session's number is nobody else's.
            end_session(launcher.pid)
    return json.loads(said)


def end_session(session):
    """Kills what a run has left behind, and waits until it is gone: Pagelight's workers are in process groups of their
    own, and write to image and journal for a while after their coordinator was killed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := session_members(session):
        if time.monotonic() > deadline:
            print(f"run: processes {left} cannot be killed", file=sys.stderr)
            return
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def session_members(session):
    """The living ones."""
    members = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{process}/stat") as stat:
            # The name, in brackets, may hold anything.
            state, _parent, _group, of, *_ = stat.read().rpartition(")")[2].split()
            if int(of) == session and state not in "ZX":
                members.append(int(process))
    return members


def disk_traffic(path):
    """Bytes read and written so far by the disk that holds the path, whoever asked for them."""
    device = os.stat(path).st_dev
    try:
        with open(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat") as stat:
            fields = stat.read().split()
    except OSError:
        return 0, 0
    return int(fields[2]) * 512, int(fields[6]) * 512


def what_it_said(log):
    """What went wrong stands in the last line of a Python program's output, and in the first line of others'."""
    with open(log, errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()] or ["nothing"]
    said = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return said


def median(runs, key):
    return statistics.median(run[key] for run in runs)
