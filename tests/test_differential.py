"""``check`` next to flake8 itself on real packages, finding for finding.

``AIGUARD_CORPUS`` names a folder with unpacked packages, each of which is compared; ``.ci/run`` fetches three.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import harness
import pytest
from test_check import check

CORPUS = os.environ.get("AIGUARD_CORPUS")
PACKAGES = sorted(path for path in Path(CORPUS).iterdir() if path.is_dir()) if CORPUS else []

pytestmark = pytest.mark.skipif(not PACKAGES, reason="AIGUARD_CORPUS names no folder with packages")


def wanted(folder: Path) -> list[harness.Reported]:
    return [item for item in harness.flake8(folder, ".").reported if item.code.startswith(("AIG", "E9"))]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_findings_are_those_of_flake8(package: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(
        package, tree, ignore=shutil.ignore_patterns(".git", "*.toml", "setup.cfg", "tox.ini", ".flake8")
    )
    (tree / "broken.py").write_text("def f(:\n", encoding="utf-8")
    every = wanted(tree)
    assert check(tree, ".").reported == every
    codes = sorted({item.code for item in every} - {"E999"})
    assert len(codes) > 1, "too little to compare"

    # every third finding gets a noqa, with its own code, another one, or none
    for number, item in enumerate(every):
        if number % 3 == 0 and item.code != "E999":
            path = tree / item.path
            lines = path.read_text(encoding="utf-8").split("\n")
            comment = ("# noqa", f"# noqa: {item.code} because", "# noqa: E501")[number // 3 % 3]
            if "#" not in lines[item.line - 1] and not lines[item.line - 1].endswith("\\"):
                lines[item.line - 1] += f"  {comment}"
            path.write_text("\n".join(lines), encoding="utf-8")
    folders = sorted({item.path.rpartition("/")[0] for item in every if "/" in item.path})
    (tree / ".flake8").write_text(
        f"[flake8]\nselect = {','.join(codes[1:])},E9\nexclude = {folders[0]}\n"
        f"per-file-ignores =\n    {folders[-1]}/*: {codes[-1]}\n",
        encoding="utf-8",
    )
    narrowed = wanted(tree)
    assert 0 < len(narrowed) < len(every)
    cold, warm = check(tree, "."), check(tree, ".")
    assert cold.reported == narrowed
    assert (warm.out, warm.err, warm.status) == (cold.out, cold.err, 1)
