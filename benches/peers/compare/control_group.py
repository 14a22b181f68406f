"""A control group that bounds memory, of either version; needs root."""

import os
import signal
import sys
import time
from contextlib import suppress

VERSION_1 = "/sys/fs/cgroup/memory"
VERSION_2 = "/sys/fs/cgroup"
SUBTREE = f"{VERSION_2}/cgroup.subtree_control"
# A process that is killed may be in the middle of an fdatasync.
PATIENCE_SECONDS = 60


class ControlGroup:
    def __init__(self, limit_bytes):
        """OSError where there is none to be had."""
        name = f"peers-{os.getpid()}"
        self.has_switched_on = False
        if os.path.exists(f"{VERSION_1}/memory.limit_in_bytes"):
            self.path, limit, self.events = f"{VERSION_1}/{name}", "memory.limit_in_bytes", "memory.oom_control"
        else:
            self.path, limit, self.events = f"{VERSION_2}/{name}", "memory.max", "memory.events"
            self.has_switched_on = "memory" not in read(SUBTREE).split()
            if self.has_switched_on:
                write(SUBTREE, "+memory")
        try:
            os.mkdir(self.path)
        except OSError:
            self.switch_back()
            raise
        try:
            write(f"{self.path}/{limit}", str(limit_bytes))
        except OSError:
            self.remove()
            raise

    def kills(self):
        """How many processes were killed because there was no memory left."""
        events = read(f"{self.path}/{self.events}").splitlines()
        return sum(int(line.split()[1]) for line in events if line.startswith("oom_kill "))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        """Ends what is still in it, waits for that, and leaves things as they were."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while trouble := self.trouble_removing():
            if time.monotonic() > deadline:
                print(f"run: the control group stays: {trouble}", file=sys.stderr)
                return
            time.sleep(0.1)
        self.switch_back()

    def switch_back(self):
        if not self.has_switched_on:
            return
        try:
            write(SUBTREE, "-memory")
        except OSError as error:
            print(f"run: the memory controller stays switched on: {error}", file=sys.stderr)

    def trouble_removing(self):
        """What, if anything. The group is ours alone: whatever runs in it, we have started."""
        try:
            for process in read(f"{self.path}/cgroup.procs").split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            os.rmdir(self.path)
        except OSError as error:
            return error


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
