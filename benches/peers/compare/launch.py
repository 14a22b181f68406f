"""Starts one program and says in JSON what it took: `python3 -I -S launch.py JSON`.

A program of its own, and a small one, because Linux counts a parent's memory as its child's largest: what stands under
`resident_bytes` is no less than the 8 MiB or so of this one.
"""

import json
import os
import signal
import sys
import time


def start(task):
    """The child: output to the log, into the control group, and on to the program."""
    log = os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if task["control_group"]:
        with open(task["control_group"] + "/cgroup.procs", "w") as processes:
            processes.write("0")
    try:
        os.execvp(task["command"][0], task["command"])
    except OSError as error:
        print(f"{task['command'][0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def to_the_disk(path):
    file = os.open(path, os.O_RDWR)
    os.fdatasync(file)
    os.close(file)


def main():
    task = json.loads(sys.argv[1])
    late = False
    begun = time.monotonic()
    process = os.fork()
    if process == 0:
        start(task)

    def stop(*_):
        nonlocal late
        late = True
        os.kill(process, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(task["limit_seconds"])
    _, status, used = os.wait4(process, 0)
    ended = time.monotonic()
    signal.alarm(0)
    code = os.waitstatus_to_exitcode(status)
    # That there is no such file is for others to say.
    if task["then_sync"] and code == 0 and os.path.exists(task["then_sync"]):
        to_the_disk(task["then_sync"])
    measured = {
        "code": code,
        "late": late,
        "run_seconds": ended - begun,
        "seconds": time.monotonic() - begun,
        "user_seconds": used.ru_utime,
        "system_seconds": used.ru_stime,
        "resident_bytes": used.ru_maxrss << 10,
        "minor_faults": used.ru_minflt,
        "major_faults": used.ru_majflt,
    }
    print(json.dumps(measured))


main()
