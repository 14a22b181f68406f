"""Gets the peers: Debian's packages, a virtual environment, and what is built here."""

import json
import os
import shutil
import subprocess
import sys

from compare.peers import HERE

DEBIAN = [
    ["graphicsmagick"],
    ["imagemagick"],
    ["python3-gdal", "python3-numpy"],
    ["mono-mcs", "mono-runtime"],
    ["python3-venv"],
]
# Where pip is set to prefer wheels, pyvips without a version is an old one that does not work.
PYTHON = [["numpy"], ["opencv-python-headless"], ["numba"], ["pyvips>=3", "pyvips-binary"], ["dask[array]"]]


def install(folder):
    """Installs what can be had, and returns what the rest said, by package."""
    refused = {}
    if shutil.which("apt-get"):
        apt = [*([] if os.geteuid() == 0 else ["sudo"]), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y"]
        attempt([*apt, "update"], "apt-get update", refused)
        for packages in DEBIAN:
            attempt([*apt, "--no-install-recommends", "install", *packages], " ".join(packages), refused)
    venv = os.path.join(folder, "venv")
    if not os.path.exists(os.path.join(venv, "bin", "pip")):
        attempt([sys.executable, "-m", "venv", venv], "virtual environment", refused)
    for packages in PYTHON:
        pip = [os.path.join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check"]
        attempt([*pip, *packages], " ".join(packages), refused)
    return refused


def attempt(command, name, refused):
    print(f"installing {name}", file=sys.stderr)
    try:
        ended = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        refused[name] = str(error)
        return
    if ended.returncode:
        refused[name] = last_line(ended.stderr + ended.stdout)
        print(f"  {refused[name]}", file=sys.stderr)


def build():
    """Builds Pagelight and the plain loop, and returns their paths by name."""
    cargo = ["cargo", "build", "--release", "--locked", "--bin", "pagelight", "--example", "plain_loop"]
    cargo += ["--message-format=json-render-diagnostics"]
    said = subprocess.run(cargo, cwd=HERE, stdout=subprocess.PIPE, text=True, check=True).stdout
    messages = map(json.loads, said.splitlines())
    return {m["target"]["name"]: m["executable"] for m in messages if m.get("executable")}


def compile_sample(folder):
    """If there is no compiler, the peer says so when it is asked for its version or started."""
    if shutil.which("mcs"):
        sample = os.path.join(folder, "Sample.exe")
        subprocess.run(["mcs", f"-out:{sample}", os.path.join(HERE, "Sample.cs")], check=True)


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
