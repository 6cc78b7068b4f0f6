"""Conquest's acrnema.map and dicom.ini."""

from pathlib import Path

import pytest

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.net.services.peers import Peer, Peers
from pyconquest_rt.settings.conquest_ini import read_dicom_ini

MAP = """/* ******************
 * AE -> IP address  *
 ****************** */

CONQUESTSRV1\t\t127.0.0.1\t5678\t\tun
tps   planning.example.org 104
# a remark
NG*   10.11.12.*  56*  j2
V*    *           1234 un
W*    192.0.2.9   666  un
"""


@pytest.mark.parametrize(
    ("title", "peer"),
    [
        ("CONQUESTSRV1", Peer("CONQUESTSRV1", "127.0.0.1", 5678)),
        ("conquestsrv1", Peer("conquestsrv1", "127.0.0.1", 5678)),
        (" TPS ", Peer("TPS", "planning.example.org", 104)),
        ("NG78", Peer("NG78", "10.11.12.78", 5678, "j2")),
        ("Viewer1", Peer("Viewer1", "iewer1", 1234)),
        ("w2", Peer("w2", "192.0.2.9", 666)),
        ("X", None),
        ("", None),
    ],
)
def test_find(title: str, peer: Peer | None) -> None:
    assert Peers.parse(MAP).find(title) == peer


def test_the_first_entry_counts_and_lists_add_up() -> None:
    peers = Peers([Peer("A", "192.0.2.1", 1)]) + Peers.parse("A 192.0.2.2 2\nB 192.0.2.3 3")
    assert peers.find("A") == Peer("A", "192.0.2.1", 1)
    assert peers.find("B") == Peer("B", "192.0.2.3", 3)
    assert peers.pairs() == [("A", "192.0.2.1"), ("A", "192.0.2.2"), ("B", "192.0.2.3")]


@pytest.mark.parametrize("line", ["A 192.0.2.1", "A", "A 192.0.2.1 port", "A 192.0.2.1 1*", "A* h x*"])
def test_lines_that_cannot_be_used_are_named(line: str) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        Peers.parse(f"/* first */\n{line}\n")


def test_port_that_a_title_makes_impossible() -> None:
    with pytest.raises(SettingsError, match="NG\\*"):
        Peers.parse(MAP).find("NGx")


def test_wild_cards_open_no_door() -> None:
    assert Peers.parse("V* * 1234 un\nW* 192.0.2.9 666 un").pairs() == []


def test_dicom_ini(tmp_path: Path) -> None:
    path = tmp_path / "dicom.ini"
    path.write_text(
        "# This file contains configuration information for the DICOM server\n[sscscp]\nMicroPACS = sscscp\n"
        "MyACRNema                = CONQUESTSRV1\nTCPPort = 5678\n\n# Reference to other files\n"
        "ACRNemaMap = acrnema.map\nkFactorFile = dicom.sql\nMAGDevice0 = /data/dicom/\n[other]\nTCPPort = 1\n"
    )
    entries = read_dicom_ini(path)
    assert entries["myacrnema"] == "CONQUESTSRV1"
    assert entries["tcpport"] == "5678"
    assert entries["acrnemamap"] == "acrnema.map"
    assert entries["magdevice0"] == "/data/dicom/"


def test_files_that_are_not_there_or_not_so(tmp_path: Path) -> None:
    (tmp_path / "dicom.ini").write_text("no section")
    with pytest.raises(SettingsError, match="sscscp"):
        read_dicom_ini(tmp_path / "dicom.ini")
    for read in (read_dicom_ini, Peers.read):
        with pytest.raises(SettingsError, match="cannot be read"):
            read(tmp_path / "missing")
