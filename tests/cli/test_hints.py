"""What is mistyped gets a message and a status, and changes nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patient


@pytest.fixture
def demo(archive: pyconquest) -> pyconquest:
    make_patient("data", "DEMO001", slices=2, pixels=16)
    archive.rebuild_database_from_dicom()
    archive.derive()
    return archive


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["derive", "--extractor", "nonsense"], "there is no extractor nonsense; there are "),
        (["derive", "--patient", "NOSUCH"], "has no patient 'NOSUCH'"),
        (["roi", "map", "--map", "nofile.csv"], "there is no map nofile.csv"),
        (["export", "out", "NOSUCH"], "no object was found"),
        (["show", "NOSUCH"], "has no patient, study, series or object"),
    ],
)
@pytest.mark.usefixtures("demo")
def test_what_is_mistyped_is_said(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1 and said in done.output, done.output


def test_a_misspelt_map_leaves_the_sites_mappings(demo: pyconquest) -> None:
    Path("roi_map.csv").write_text(
        "physician,institutional,name,roi_type,variation\nDEFAULT,SITE_HEART,Heart,ORGAN,Heart\n"
    )
    assert CliRunner().invoke(main, ["roi", "map"]).exit_code == 0
    assert "SITE_HEART" in CliRunner().invoke(main, ["roi", "list"]).output
    assert CliRunner().invoke(main, ["roi", "map", "--map", "roi_mpa.csv"]).exit_code == 1
    assert "SITE_HEART" in CliRunner().invoke(main, ["roi", "list"]).output
