"""results.svg: bars on a logarithmic scale, one row for each tool, failures as words."""

import math
import os
from html import escape

from compare.measure import median

WIDTH, LABELS, GAP, TOP, ROW, BOTTOM = 1000, 220, 30, 104, 40, 64
PANEL = (WIDTH - LABELS - GAP - 60) / 2
LOWEST, HIGHEST = 0.03, 30
TICKS = [0.1, 1, 10]
OURS, THEIRS, WARM_OURS, WARM_THEIRS, WRONG = "#d9480f", "#5c7080", "#f4a27e", "#b4c0ca", "#c92a2a"


def write(results, folder):
    with open(os.path.join(folder, "results.svg"), "w") as file:
        file.write(svg(results))


def svg(results):
    about = results["about"]
    peers = sorted(results["peers"].items(), key=lambda item: -speed_to_sort_by(item[1]))
    height = TOP + ROW * len(peers) + BOTTOM
    left, right = LABELS, LABELS + PANEL + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        text(16, 28, f"+{about['amount']} on {about['mib'] / 1024:g} GiB of raw RGBA16, whole process, GB/s of image "
             "(logarithmic)", size=17, weight="bold"),
        text(left, 62, "in the page cache", weight="bold"),
        *legend(left, 82),
        text(right, 62, f"from the disk to the disk, {about['limit_mib']} MiB of memory", weight="bold"),
        *axis(left, height),
        *axis(right, height),
    ]
    for number, (name, peer) in enumerate(peers):
        parts += tool(peer, name.startswith("pagelight"), TOP + ROW * number, left, right)
    where = f"{about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['kernel']}, {about['file_system']}, {about['date']}"
    parts += [text(16, height - 14, where, color="#666", size=11), "</svg>"]
    return "\n".join(parts) + "\n"


def speed_to_sort_by(peer):
    """On the file just written; failures last."""
    fresh = peer["states"].get("fresh")
    return median(fresh["runs"], "gb_per_second") if fresh and fresh["runs"] else 0


def tool(peer, ours, y, left, right):
    color, pale = (OURS, WARM_OURS) if ours else (THEIRS, WARM_THEIRS)
    weight = "bold" if ours else "normal"
    how = {"yes": "in place", "yes, journal": "in place, with a journal"}.get(peer["in_place"], peer["in_place"])
    if peer["syncs"]:
        how += ", to the disk"
    states = peer["states"]
    yield text(LABELS - 12, y + 16, peer["label"], anchor="end", weight=weight)
    yield text(LABELS - 12, y + 30, how, anchor="end", color="#777", size=10.5)
    if "missing" in peer:
        yield text(left + 6, y + 22, "not installed", color=WRONG)
        return
    # A failure is said once, not for each state.
    fresh, warm = states.get("fresh"), states.get("warm")
    if fresh and not fresh["runs"]:
        yield text(left + 6, y + 22, short(fresh["result"]), color=WRONG)
    else:
        yield from bar(left, y + 4, 13, fresh, color)
        yield from bar(left, y + 19, 13, warm, pale)
    cold = states.get("cold")
    if cold and not cold["runs"]:
        yield text(right + 6, y + 22, short(cold["result"]), color=WRONG)
    else:
        yield from bar(right, y + 9, 18, cold, color)


def bar(left, y, height, kept, color):
    if not kept or not kept["runs"]:
        return
    speed = median(kept["runs"], "gb_per_second")
    length = place(speed)
    # A result that has bars and is not right may also be a later round's failure.
    result = kept["result"]
    right = result == "right"
    trouble = "wrong pixels" if result.startswith("WRONG") else short(result)
    yield f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{height}" fill="{color}"/>'
    label = f"{speed:.2g}" if speed < 9.95 else f"{speed:.1f}"
    yield text(left + length + 5, y + height / 2 + 4, label if right else f"{label}, {trouble}",
               color="#222" if right else WRONG, size=11.5)


def legend(x, y):
    for color, pale, word in ((THEIRS, OURS, "file just written"), (WARM_THEIRS, WARM_OURS, "edited once before")):
        yield f'<rect x="{x}" y="{y - 9}" width="9" height="9" fill="{color}"/>'
        yield f'<rect x="{x + 9}" y="{y - 9}" width="9" height="9" fill="{pale}"/>'
        yield text(x + 23, y, word, color="#444", size=11.5)
        x += 124


def axis(left, height):
    for value in TICKS:
        x = left + place(value)
        yield f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - BOTTOM + 6}" stroke="#ddd"/>'
        yield text(x, height - BOTTOM + 22, f"{value:g}", anchor="middle", color="#666", size=11)
    yield f'<line x1="{left}" y1="{TOP - 8}" x2="{left}" y2="{height - BOTTOM + 6}" stroke="#999"/>'


def place(speed):
    """How far to the right, within a panel; the last of it is kept for the figures."""
    within = (math.log(speed) - math.log(LOWEST)) / (math.log(HIGHEST) - math.log(LOWEST))
    return max(2, min(1, within) * (PANEL - 30))


def short(result):
    return {"killed (out of memory)": "killed: out of memory"}.get(result, "refused, or failed" if "fail" in result else result)


def text(x, y, words, anchor="start", color="#222", size=13, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
