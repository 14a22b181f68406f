"""A control group that bounds memory, of either version; needs root."""

import os
import time

VERSION_1 = "/sys/fs/cgroup/memory"
VERSION_2 = "/sys/fs/cgroup"


class ControlGroup:
    def __init__(self, limit_bytes):
        """OSError where there is none to be had."""
        name = f"peers-{os.getpid()}"
        if os.path.exists(f"{VERSION_1}/memory.limit_in_bytes"):
            self.path, limit, self.events = f"{VERSION_1}/{name}", "memory.limit_in_bytes", "memory.oom_control"
        else:
            self.path, limit, self.events = f"{VERSION_2}/{name}", "memory.max", "memory.events"
            write(f"{VERSION_2}/cgroup.subtree_control", "+memory")
        os.mkdir(self.path)
        try:
            write(f"{self.path}/{limit}", str(limit_bytes))
        except OSError:
            os.rmdir(self.path)
            raise

    def kills(self):
        """How many processes were killed because there was no memory left."""
        with open(f"{self.path}/{self.events}") as events:
            return sum(int(line.split()[1]) for line in events if line.startswith("oom_kill "))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # What was killed a moment ago may still be leaving.
        for _ in range(50):
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.1)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
