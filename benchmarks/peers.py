"""What ``flake8-aiguard check`` costs next to other linters: wall time, CPU time and memory, as ratios in one run.

``python benchmarks/peers.py`` measures on Django's wheel (pinned, 150,000 lines and more) and exits with 1 when a bound is exceeded. How
the numbers come about:

- Each tool has a virtual environment of its own, with nothing else in it; pip installs them into ``--folder``, which later runs use again.
- A round runs all tools one after the other, so that a busy machine slows all of them down; each number is the best of its rounds.
- Python may keep its bytecode, and we our tables beside it, whatever this process was told: the first round does so, as the first run
  of an installation does.
- CPU time is that of all processes of a tool, memory the peak of its largest process, as ``wait4`` says.
- Without ``--all``, pylint and the plugins of flake8 are left out: they take minutes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = "django==5.2.8"
LINES: Final = 150_000
# What pylint has that comes nearest to our rules.
PYLINT: Final = "R1732,W1514,W3101,W1510,W0602,W0603,W1518,E1701,W0150,R1702,W0640"
# Bounds of wall time: tool, next to tool.
BOUNDS: Final = (
    ("check, cold", "flake8 --select=AIG", 0.2),
    ("check, cold", "ruff", 3.0),
    ("check, warm", "ruff", 1.0),
    ("check, warm", "check, cold", 0.15),
    ("hook, one file", "flake8 --version", 2.0),
)
# A changed file as they are: its length is the mean of the tree.
FILE: Final = "django/core/cache/backends/redis.py"


class BenchmarkError(Exception):
    """Nothing can be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as it is run.

    Attributes:
        name: how the report calls it.
        installed: what pip installs for it.
        command: its command; the first word is looked for in its environment.
        is_slow: whether it runs with ``--all`` only.
    """

    name: str
    installed: tuple[str, ...]
    command: tuple[str, ...]
    is_slow: bool = False


OURS: Final = str(ROOT)
TOOLS: Final = (
    Tool("check, cold", (OURS,), ("flake8-aiguard", "check", "--isolated", ".")),
    Tool("check, warm", (OURS,), ("flake8-aiguard", "check", "--isolated", ".")),
    Tool("hook, one file", (OURS,), ("flake8-aiguard", "check", "--isolated", "--select=AIG,E9", FILE)),
    Tool("flake8 --version", (OURS,), ("flake8", "--version")),
    Tool("flake8 --select=AIG", (OURS,), ("flake8", "--isolated", "--select=AIG", ".")),
    Tool("flake8", ("flake8",), ("flake8", "--isolated", ".")),
    Tool("flake8, bugbear", ("flake8", "flake8-bugbear"), ("flake8", "--isolated", "."), True),
    Tool("flake8, async", ("flake8", "flake8-async"), ("flake8", "--isolated", "."), True),
    Tool(
        "pylint", ("pylint",), ("pylint", "--jobs=0", "--disable=all", f"--enable={PYLINT}", "django"), True
    ),
    Tool(
        "ruff",
        ("ruff",),
        ("ruff", "check", "--isolated", "--select", "ALL", "--no-cache", "--output-format", "json", "."),
    ),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: seconds, seconds of all processors, MiB."""

    wall: float
    cpu: float
    memory: float

    def best(self, other: Cost) -> Cost:
        """Each number of the better run."""
        return Cost(min(self.wall, other.wall), min(self.cpu, other.cpu), min(self.memory, other.memory))


def environment(folder: Path, installed: Sequence[str]) -> Path:
    """The folder of the commands of a virtual environment, made where it is missing; this checkout is installed anew.

    Raises:
        BenchmarkError: pip could not install.
    """
    name = "-".join(Path(item).name for item in installed)
    place = folder / name
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    if not (place / "whole").exists():
        shutil.rmtree(place, ignore_errors=True)
        _succeed(sys.executable, "-m", "venv", str(place))
        _succeed(str(scripts / "python"), "-m", "pip", "install", "--quiet", *installed)
        (place / "whole").touch()
    elif OURS in installed:
        _succeed(
            *(str(scripts / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"),
            OURS,
        )
    return scripts


def tree(folder: Path) -> Path:
    """The measured tree, fetched where it is missing.

    Raises:
        BenchmarkError: pip could not fetch it, or it is smaller than the bounds are for.
    """
    place = folder / PACKAGE.replace("==", "-")
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=folder) as part:
            _succeed(
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
                *("--dest", part, PACKAGE),
            )
            [wheel] = Path(part).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(Path(part) / "tree")
            (Path(part) / "tree").rename(place)
    lines = sum(path.read_bytes().count(b"\n") for path in place.rglob("*.py"))
    if lines < LINES:
        raise BenchmarkError(f"{place}: holds {lines} lines, fewer than {LINES}")
    return place


def _succeed(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a linter, which finds something or nothing.

    Raises:
        BenchmarkError: it did neither.
    """
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(  # noqa: AIG001 -- os.wait4() reaps it and gives its cost
            command, cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    # pylint's exit code is a bit field, whose 1 and 32 are faults
    fault = process.returncode & 33 if "pylint" in command[0] else process.returncode not in (0, 1)
    if fault or "Traceback" in text[:200]:
        raise BenchmarkError(f"{' '.join(command)}: exit {process.returncode}\n{text[-500:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20)


def measure(tools: Sequence[Tool], folder: Path, rounds: int) -> dict[str, Cost]:
    """Run all tools, round after round.

    Raises:
        BenchmarkError: one of them failed.
    """
    measured = tree(folder)
    commands = {}
    places = {installed: environment(folder, installed) for installed in {tool.installed for tool in tools}}
    for tool in tools:
        scripts = places[tool.installed]
        commands[tool.name] = (str(scripts / tool.command[0]), *tool.command[1:])
    costs: dict[str, Cost] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            if name in ("check, cold", "hook, one file"):  # nobody has seen a changed file before
                shutil.rmtree(measured / ".aiguard_cache", ignore_errors=True)
            cost = run(command, measured)
            costs[name] = cost.best(costs[name]) if name in costs else cost
    return costs


def report(costs: dict[str, Cost]) -> Iterator[str]:
    """The numbers as lines of a table, next to our cold run."""
    ours = costs["check, cold"]
    yield f"{'':22}{'wall s':>8}{'ratio':>8}{'CPU s':>8}{'ratio':>8}{'MiB':>8}{'ratio':>8}"
    for name, cost in costs.items():
        cells = (
            *(cost.wall, cost.wall / ours.wall, cost.cpu, cost.cpu / ours.cpu),
            *(cost.memory, cost.memory / ours.memory),
        )
        yield f"{name:22}" + "".join(f"{cell:8.2f}" for cell in cells)


def exceeded(costs: dict[str, Cost]) -> Iterator[str]:
    """The bounds with what was measured; those that are exceeded start with ``EXCEEDED``."""
    for name, other, bound in BOUNDS:
        ratio = costs[name].wall / costs[other].wall
        yield f"{'EXCEEDED ' if ratio > bound else ''}{name} / {other}: {ratio:.3f} (bound {bound})"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a bound is exceeded."""
    parser = argparse.ArgumentParser(description="Measure check next to other linters.")
    parser.add_argument(
        "--folder", type=Path, default=Path(".cache/peers"), help="for environments and the tree"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="pylint and the plugins of flake8, too")
    arguments = parser.parse_args(argv)
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        costs = measure(
            [tool for tool in TOOLS if arguments.all or not tool.is_slow], folder, arguments.rounds
        )
    except (BenchmarkError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(*report(costs), sep="\n")
    bounds = list(exceeded(costs))
    print(*bounds, sep="\n")
    return int(any(line.startswith("EXCEEDED") for line in bounds))


if __name__ == "__main__":
    sys.exit(main())
