"""What a keeper of an archive tries on the first day: settings, maps, ends of UIDs, Ctrl-C."""

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patients
from pyconquest_rt.service import doctor
from pyconquest_rt.settings.sections import Settings


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=environment)


@pytest.fixture
def demo(archive: pyconquest) -> pyconquest:
    make_patients("data", count=1)
    archive.rebuild_database_from_dicom()
    archive.derive()
    return archive


def test_config_check_takes_the_file_that_holds(in_folder: Path) -> None:
    Path("pyconquest.toml").write_text("")
    Path("other.toml").write_text("[listener]\nport = 99999\n")
    assert run("config", "check").exit_code == 0
    for done in (
        run("--settings", "other.toml", "config", "check", PYCONQUEST_RT_SETTINGS=""),
        run("config", "check", PYCONQUEST_RT_SETTINGS="other.toml"),
    ):
        assert done.exit_code == 1 and "other.toml:2: " in done.output


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ('[schedule]\nbackup = "99 3 * * *"\n', {}, "backup"),
        ("", {"PYCONQUEST_RT_LISTENER_PROT": "104"}, "is PYCONQUEST_RT_LISTENER_PORT meant?"),
        ("", {"PYCONQUEST_RT_LISTENER_PORT": "many"}, "environment: PYCONQUEST_RT_LISTENER_PORT"),
        ('[listener]\ntls_certificate = "none.pem"\n', {}, "none.pem"),
        ('[hooks]\nstored = ["nothing:here"]\n', {}, "hooks: "),
        ('[rt]\ngoals = "bad.toml"\n', {}, "goals: bad.toml"),
    ],
)
def test_config_check_names_what_serve_would_refuse(
    in_folder: Path, text: str, environment: dict[str, str], said: str
) -> None:
    Path("bad.toml").write_text("list = 3")
    Path("pyconquest.toml").write_text(text)
    done = run("config", "check", **environment)
    assert done.exit_code == 1 and said in done.output, done.output


def test_doctor_fails_on_a_full_disk(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((1_000_000, "error"), (1_000_000_000, "warning"), (10**12, "ok")):
        monkeypatch.setattr(doctor, "disk", lambda data, free=free: {"free": free})
        (found,) = [one for one in doctor.examine(Settings()) if one.check == "disk"]
        assert found.state == state


def test_interrupted_it_says_so_with_the_status_of_shells(
    demo: pyconquest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pyconquest_rt.derive.engine.derive", stop)
    done = run("derive")
    assert done.exit_code == 130 and "what was done until now is kept" in done.output


def test_the_end_of_a_uid_will_do(demo: pyconquest) -> None:
    uid = demo.dvhs()[0]["SOPInstanceUID"]
    whole = run("dvh", uid)
    assert whole.exit_code == 0
    assert run("dvh", uid[-8:]).output == run("dvh", f"…{uid[-8:]}").output == whole.output
    assert "no patient, study" in run("dvh", "…00000000").output
    assert (
        run("site", demo.query("SELECT plan_uid FROM archive_plans")[0]["plan_uid"][-8:], "lung").exit_code
        == 0
    )


def test_a_dumped_curve_can_be_read(demo: pyconquest) -> None:
    assert run("dump", "v_dvh").exit_code == 0
    with open("v_dvh.csv", newline="") as file:
        rows = {row["roi_name"]: row for row in csv.DictReader(file)}
    target = rows["PTV_6000"]
    doses = [float(number) for number in target["curve_gy"].split()]
    volumes = [float(number) for number in target["curve_cc"].split()]
    assert len(doses) == len(volumes) > 10
    assert doses[-1] == pytest.approx(float(target["max_gy"]), rel=1e-5)
    assert volumes[0] == pytest.approx(float(target["volume_cc"]), rel=1e-4)


def test_a_template_of_all_names_and_what_a_map_would_change(demo: pyconquest) -> None:
    done = run("roi", "export", "--template", "maps/all.csv")
    assert done.exit_code == 0 and "7 names" in done.output
    with open("maps/all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["variation"]: row["institutional"] for row in rows}["BODY"] == "Body"
    Path("mine.csv").write_text(
        "physician,institutional,name,roi_type,variation\nDEFAULT,Lung_L,Lung_L,,Heart\n"
    )
    done = run("roi", "import", "mine.csv", "--preview")
    assert "Heart: Heart -> Lung_L" in done.output and not Path("roi_map.csv").exists()
    assert run("roi", "import", "mine.csv").exit_code == 0 and Path("roi_map.csv").exists()
    assert run("roi", "export", "a/folder").exit_code == 0 and list(Path("a/folder").iterdir())
