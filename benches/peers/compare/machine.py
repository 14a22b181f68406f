"""What the figures were measured on."""

import os
import platform
import time


def describe(folder):
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)),
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "file_system": file_system(folder),
    }


def field(path, name):
    with open(path) as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()


def file_system(folder):
    """Of the mount with the longest path above the folder."""
    best = ("", "unknown")
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, where, kind, *_ = line.split()
            if os.path.commonpath([where, folder]) == where and len(where) >= len(best[0]):
                best = (where, kind)
    return best[1]
