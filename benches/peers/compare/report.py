"""results.json and results.md."""

import json
import os
import sys

from compare.measure import median

CACHE_STATES = ["fresh", "warm", "reread", "synced"]
MEANING = {
    "fresh": "just written",
    "warm": "edited once before, by the same tool",
    "reread": "on the disk, dropped from the cache and read again",
    "synced": "just written, then to the disk",
}
# What the heading says of every figure below it.
HEADING = ["mib", "amount", "limit_mib", "processor", "cores", "memory_gib", "kernel", "file_system"]


def earlier_results(about, folder):
    """What stands in the folder, or None. Ends the program if a heading cannot be true of both."""
    path = os.path.join(folder, "results.json")
    if not os.path.exists(path):
        return None
    with open(path) as file:
        earlier = json.load(file)
    then = earlier["about"]
    if other := [f"{name} {then.get(name)}, now {about[name]}" for name in HEADING if then.get(name) != about[name]]:
        sys.exit(f"run: {path} has {'; '.join(other)}: leave out --add, or give another --dir")
    return earlier


def with_earlier(results, earlier):
    about, then = results["about"], earlier["about"]
    dates = sorted({*then["date"].split(", "), about["date"]})
    # A word stands there only where nothing was measured from the disk.
    cold = then["cold"] and about["cold"]
    return {"about": about | {"date": ", ".join(dates), "cold": cold}, "peers": earlier["peers"] | results["peers"]}


def write(results, folder):
    with open(os.path.join(folder, "results.json"), "w") as file:
        json.dump(results, file, indent=1)
    with open(os.path.join(folder, "results.md"), "w") as file:
        file.write(markdown(results))


def markdown(results):
    about, peers = results["about"], results["peers"].values()
    lines = [
        f"# +{about['amount']}, saturating, alpha kept, on {about['mib'] / 1024:g} GiB of raw RGBA16",
        "",
        f"{about['date']}; {about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB; {about['kernel']}, "
        f"{about['file_system']}. Whole processes, from fork to exit; medians (and ranges) of rounds in which the tools "
        "took turns.",
        "",
        "## In the page cache",
        "",
        "GB/s of image. " + "; ".join(f"*{state}*: {MEANING[state]}" for state in CACHE_STATES) + ". The other columns "
        "are those of the fresh file. *Start*: the same on 1 MiB. *Resident*: the most that one process had, not their sum; "
        "Pagelight has a process for each core.",
        "",
        "| tool | in place | result | " + " | ".join(CACHE_STATES) + " | start s | user s | system s | resident MiB | minor faults |",
        "|---|---|---|" + "---:|" * (len(CACHE_STATES) + 5),
        *(cache_row(peer) for peer in peers),
        "",
        f"## From the disk, {about['limit_mib']} MiB of memory",
        "",
    ]
    if about["cold"]:
        lines += [about["cold"]]
    else:
        lines += [
            "The image dropped from the cache, the tool in a memory control group, and the time until the result is on "
            "the disk. Pagelight sees to that itself; after the others, fdatasync is called and counted.",
            "",
            "| tool | in place | result | s | GB/s | run s | user s | system s | resident MiB | major faults | disk read / written MiB |",
            "|---|---|---|" + "---:|" * 8,
            *(cold_row(peer) for peer in peers),
        ]
    lines += ["", "## The tools", ""]
    lines += [f"* {peer['label']}: {peer['note']}. {peer.get('version') or peer['missing']}" for peer in peers]
    lines += [f"* {package} was not to be had: {said}" for package, said in about["refused"].items()]
    return "\n".join(lines) + "\n"


def cache_row(peer):
    """The result is the first that is not right, of any state."""
    states = {state: peer["states"][state] for state in CACHE_STATES if state in peer["states"]}
    results = [kept["result"] for kept in states.values()]
    result = peer.get("missing") or next((result for result in results if result != "right"), "right" if results else "-")
    cells = [speed(states.get(state)) for state in CACHE_STATES]
    cells.append(f"{peer['start_seconds']:.2f}" if "start_seconds" in peer else "-")
    runs = states.get("fresh", {"runs": []})["runs"]
    cells += figures(runs, ("user_seconds", 2, 1), ("system_seconds", 2, 1), ("resident_bytes", 0, 1 << 20), ("minor_faults", 0, 1))
    return row(peer, result, cells)


def cold_row(peer):
    kept = peer["states"].get("cold", {"runs": [], "result": peer.get("missing", "-")})
    runs = kept["runs"]
    cells = [spread(runs, "seconds") if runs else "-", speed(kept)]
    cells += figures(
        runs,
        ("run_seconds", 2, 1),
        ("user_seconds", 2, 1),
        ("system_seconds", 2, 1),
        ("resident_bytes", 0, 1 << 20),
        ("major_faults", 0, 1),
    )
    cells.append(" / ".join(figures(runs, ("disk_read_bytes", 0, 1 << 20), ("disk_written_bytes", 0, 1 << 20))))
    return row(peer, kept["result"], cells)


def row(peer, result, cells):
    return f"| {peer['label']} | {peer['in_place']} | {result} | " + " | ".join(cells) + " |"


def speed(kept):
    return spread(kept["runs"], "gb_per_second") if kept and kept["runs"] else "-"


def spread(runs, key):
    values = [run[key] for run in runs]
    return f"{median(runs, key):.2f} ({min(values):.2f}-{max(values):.2f})"


def figures(runs, *columns):
    return [f"{median(runs, key) / unit:,.{digits}f}" if runs else "-" for key, digits, unit in columns]
