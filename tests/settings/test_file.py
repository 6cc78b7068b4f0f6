import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconquest_rt.cli.terminal import settings_here
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.settings import file as config
from pyconquest_rt.settings.file import load
from pyconquest_rt.settings.sections import PLAIN, ArchiveSettings, PeerSettings, Settings


def read(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "pyconquest.toml"
    path.write_text(text, "utf-8")
    return load(path, environment or {})


def test_every_key_is_optional(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Settings()
    assert read(tmp_path, "[listener]\nport = 104\n").listener.port == 104


def test_the_commented_file_gives_the_defaults_also_when_it_is_uncommented(tmp_path: Path) -> None:
    text = config.commented()
    assert read(tmp_path, text) == Settings()
    keys = [line[2:] for line in text.splitlines() if re.match(r"# \w+ = ", line)]
    headers = [line for line in text.splitlines() if line[:1] == "["]
    assert headers == [f"[{name}]" for name in PLAIN]
    for _, section in config.sections(Settings(peers={"P": PeerSettings()})):
        for key in fields(section):
            assert key.metadata["doc"] in text
            if isinstance(section, PeerSettings):
                assert f"\n#   {key.name} = " in text
                continue
            if not isinstance(getattr(section, key.name), dict):
                assert any(line.startswith(f"{key.name} = ") for line in keys), key.name
    bare = "\n".join(
        line[2:] if line[2:] in keys else line for line in text.splitlines() if not line.startswith("# [")
    )
    assert config.parse(bare) == (Settings(), [])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("\n[listner]\nport = 1", 2, "unknown section [listner]"),
        ("[listener]\n\nprot = 1", 3, "unknown key 'prot'"),
        ("[listener]\nhost = 'x'\nport = '104'", 3, "must be a whole number"),
        ("[listener]\nport = true", 2, "must be a whole number"),
        ("[listener]\nport = 70000", 2, "0 to 65535"),
        ("[listener]\nae_title = 'SEVENTEEN_LETTERS'", 2, "1 to 16"),
        ("[listener]\nae_title = 'A\\\\B'", 2, "1 to 16"),
        ("listener.port = 'x'", 1, "whole number"),
        ("archive = 3", 1, "must be a section"),
        ("[archive.devices]\nMAG1 = 7", 1, "a table of texts"),
        ("[schedule]\nrebuild = 'at night'", 2, "minute hour day"),
        ("[schedule]\nrebuild = '0 2 * * 0'", 2, "name the days"),
        ("[log]\nlevel = 'LOUD'", 2, "DEBUG"),
        ("[watch]\nkeep = 'yes'", 2, "true or false"),
        ("[watch]\nseconds = 'x'", 2, "must be a number"),
        ("[listener]\nmay_store = ['*@*', 'LAB']", 2, "TITLE@HOST"),
        ("[listener]\nmay_query = ['LAB@here']", 2, "no network address"),
        ("[listener]\ntls_ca = 'ca.pem'", 2, "without tls_certificate"),
        ("[listener.tls]\nport = 2762\n\nprot = 1", 4, "[listener.tls] unknown key 'prot'"),
        ("[listener]\nport = 104\n[listener.tls]\nae_title = 'X'", 3, "needs another one"),
        ("[listener.tls]\nport = 5678", 2, "needs another one"),
        ("[peer]\nhost = 'x'", 2, "[peer.NAME]"),
        ("[peer.LAB]\nport = 104", 1, "host is missing"),
        ("[peer.SEVENTEEN_LETTERS]\nhost = 'x'", 1, "1 to 16"),
        ("[peer.LAB]\nhost = 'x'\ntls_ca = 'ca.pem'", 3, "without tls = true"),
        ("[peer.LAB]\nhost = 'x'\nport = 0", 3, "1 to 65535"),
        ("[archive]\ndata = [", 2, "not TOML"),
        ("[archive]\n\ndata = nothing\n", 3, "not TOML"),
    ],
)
def test_each_error_is_named_by_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    (problem,) = config.parse(text)[1]
    assert (problem.line, reason in problem.text) == (line, True), problem
    with pytest.raises(SettingsError, match=f"line {line}"):
        read(tmp_path, text)


def test_further_listeners_take_from_the_first_what_they_do_not_set(tmp_path: Path) -> None:
    text = (
        "[listener.tls]\nport = 2762\ntls_certificate = 'a.pem'\n[listener]\nport = 104\nae_title = 'LAB'\n"
    )
    environment = {
        "PYCONQUEST_RT_LISTENER_HOST": "0.0.0.0",
        "PYCONQUEST_RT_LISTENER_TLS_PORT": "2763",
        "PYCONQUEST_RT_LISTENER_MAY_QUERY": "peers, VIEWER@192.0.2.0/24",
    }
    settings = read(tmp_path, text, environment)
    assert settings.listeners == {
        "tls": replace(settings.listener, port=2763, tls_certificate="a.pem"),
    }
    assert (settings.listener.port, settings.listener.host) == (104, "0.0.0.0")
    assert settings.listener.may_query == ("peers", "VIEWER@192.0.2.0/24")
    assert settings.all_listeners == [settings.listener, settings.listeners["tls"]]


def test_peers_by_their_titles(tmp_path: Path) -> None:
    text = (
        "[peer.PLAN]\nhost = 'a'\ntls = true\ntls_ca = 'ca.pem'\n[peer.'TPS 2']\nhost = 'b'\nport = 11112\n"
    )
    settings = read(
        tmp_path, text, {"PYCONQUEST_RT_PEER_TPS_2_HOST": "c", "PYCONQUEST_RT_PEER_NEW_HOST": "d"}
    )
    assert settings.peers == {
        "PLAN": PeerSettings("a", tls=True, tls_ca="ca.pem"),
        "TPS 2": PeerSettings("c", 11112),
    }
    assert config.parse(config.render(settings)) == (settings, [])


def test_all_errors_are_named_and_the_rest_is_used() -> None:
    settings, problems = config.parse("[listener]\nport = 0.5\nae_title = 'OK'\n[x]\n[log]\nlevel = 3\n")
    assert [problem.line for problem in problems] == [2, 4, 6]
    assert (settings.listener.ae_title, settings.listener.port) == ("OK", 5678)


def test_a_number_may_be_whole(tmp_path: Path) -> None:
    seconds = read(tmp_path, "[watch]\nseconds = 2\n").watch.seconds
    assert (seconds, type(seconds)) == (2.0, float)


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("LISTENER_PORT", "104", "listener", "port", 104),
        ("WATCH_KEEP", "yes", "watch", "keep", True),
        ("WATCH_SECONDS", "0.5", "watch", "seconds", 0.5),
        ("ARCHIVE_DATA", "/archive", "archive", "data", "/archive"),
    ],
)
def test_the_environment_overrides(
    tmp_path: Path, name: str, text: str, section: str, key: str, value: object
) -> None:
    settings = read(tmp_path, "[listener]\nport = 7\n", {f"PYCONQUEST_RT_{name}": text})
    assert getattr(getattr(settings, section), key) == value


@pytest.mark.parametrize(
    ("name", "text"), [("LISTENER_PORT", "x"), ("LISTENER_PORT", "70000"), ("WATCH_KEEP", "2")]
)
def test_a_wrong_environment_variable_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"PYCONQUEST_RT_{name}"):
        read(tmp_path, "", {f"PYCONQUEST_RT_{name}": text})


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(SettingsError, match="cannot be read"):
        config.check(tmp_path / "none.toml")


def test_a_conquest_servers_folder_needs_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_here() == Settings()
    ini = "[sscscp]\nMyACRNema = LABSRV\nTCPPort = 5679\nSQLServer = ./data/dbase/conquest.db3\nSQLite = 1\n"
    (tmp_path / "dicom.ini").write_text(ini + "MAGDevices = 1\nMAGDevice0 = ./data/\n")
    settings = settings_here()
    assert (settings.listener.ae_title, settings.listener.port) == ("LABSRV", 5679)
    assert Path(settings.archive.database) == Path("data/dbase/conquest.db3")
    assert (settings.receive.file_names, settings.receive.peers) == ("standard", "acrnema.map")
    more = "MAGDevices = 1\nMAGDevice0 = ./data/\nFileNameSyntax = 4\nACRNemaMap = conf/peers.map\n"
    (tmp_path / "dicom.ini").write_text(ini + more)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/peers.map").write_text("PLAN 127.0.0.1 104\n")
    receive = settings_here().receive
    assert (receive.file_names, Path(receive.peers)) == ("4", Path("conf/peers.map"))
    (tmp_path / "dicom.ini").write_text(ini.replace("LABSRV", "MORE_THAN_SIXTEEN") + more)
    with pytest.raises(SettingsError, match="MyACRNema"):
        settings_here()
    (tmp_path / "dicom.ini").write_text(ini + more)
    monkeypatch.setenv("PYCONQUEST_RT_LISTENER_PORT", "104")
    assert settings_here().listener.port == 104
    (tmp_path / "pyconquest.toml").write_text("")
    assert settings_here().listener.ae_title == "PYCONQUEST"
    (tmp_path / "pyconquest.toml").unlink()
    (tmp_path / "dicom.ini").write_text(ini)
    with pytest.raises(SettingsError, match="MAGDevice0"):
        settings_here()


@given(
    st.text(st.characters(codec="utf-8")), st.dictionaries(st.text(st.characters(codec="utf-8")), st.text())
)
def test_what_is_rendered_is_read_again(data: str, devices: dict[str, str]) -> None:
    devices = {name: folder.encode("utf-8", "replace").decode() for name, folder in devices.items()}
    settings = replace(Settings(), archive=ArchiveSettings(data=data, devices=devices))
    text = config.render(settings)
    assert config.parse(text) == (settings, []), tomllib.loads(text)
