"""The example package is installed as a user would, and adds its table when images arrive."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from samples import make_object, save

REPOSITORY = Path(__file__).parent.parent
DERIVE_AND_SHOW = """
import json
from pyconquest_rt.settings.sections import ArchiveSettings
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.archive.archive import Archive
archive = Archive.open(ArchiveSettings())
rebuild(archive)
derive(archive)
print(json.dumps(archive.database.query("SELECT kvp, mas FROM ct_exposure ORDER BY kvp")))
"""


@pytest.mark.skipif(
    find_spec("setuptools") is None, reason="setuptools is not installed, to build the example"
)
def test_the_example_package_adds_its_table(tmp_path: Path) -> None:
    source = shutil.copytree(REPOSITORY / "examples/ct_exposure", tmp_path / "source")
    installed = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
        + ["--disable-pip-version-check", "--target", str(installed), str(source)],
        check=True,
    )
    save(make_object(instance=1, KVP="120", Exposure="300"), tmp_path / "data/P1/1.dcm")
    save(make_object(instance=2), tmp_path / "data/P1/2.dcm")
    done = subprocess.run(
        [sys.executable, "-c", DERIVE_AND_SHOW],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{installed}{os.pathsep}{REPOSITORY}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"kvp": None, "mas": None}, {"kvp": 120.0, "mas": 300.0}]


def test_the_example_is_as_short_as_promised() -> None:
    text = (REPOSITORY / "examples/ct_exposure/ct_exposure.py").read_text("utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 25
