"""C-FIND over the network: pynetdicom's, DCMTK's and this package's clients."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from network_helpers import RawPeer
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.protocol.dimse import Command, encode_command
from pyconquest_rt.net.services.admission import Access, AccessRules
from pyconquest_rt.net.services.find import FindService
from pyconquest_rt.net.services.identifier import PATIENT_ROOT_FIND, PATIENT_STUDY_FIND, STUDY_ROOT_FIND
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.net.services.sequences import MAX_ATTRIBUTES
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import find

StartFinder = Callable[..., Listener]


@pytest.fixture
def start_finder(index: Index, listen: Callable[..., Listener]) -> StartFinder:
    """Return a function that starts a listener that answers queries of the index."""

    def start(limit: int | None = None, **options: Any) -> Listener:
        return listen(services=FindService(index, "ARCHIVE", limit).handlers(), **options)

    return start


def query(listener: Listener, level: str, root: str = "STUDY", **keys: str) -> list[Dataset]:
    result = find("127.0.0.1", listener.port, "ARCHIVE", level=level, keys=keys, root=root)
    assert result.ok, result
    return result.matches


def test_all_levels(start_finder: StartFinder) -> None:
    listener = start_finder()
    patients = query(listener, "PATIENT", "PATIENT", PatientID="", NumberOfPatientRelatedStudies="")
    assert {(p.PatientID, p.NumberOfPatientRelatedStudies) for p in patients} == {("P1", 1), ("P2", 2)}
    assert {match.QueryRetrieveLevel for match in patients} == {"PATIENT"}
    assert {match.RetrieveAETitle for match in patients} == {"ARCHIVE"}
    studies = query(listener, "STUDY", StudyInstanceUID="", ModalitiesInStudy="", StudyDescription="")
    assert sorted((s.StudyDescription, str(s.ModalitiesInStudy)) for s in studies) == [
        ("", "CT"),
        ("", "['CT', 'MR']"),
        ("Hals", "CT"),
    ]
    series = query(listener, "SERIES", SeriesInstanceUID="", Modality="MR", InstanceAvailability="")
    assert [(s.Modality, s.InstanceAvailability) for s in series] == [("MR", "ONLINE")]
    images = query(listener, "IMAGE", SOPInstanceUID="", InstanceNumber="", PatientID="P1")
    assert sorted(image.InstanceNumber for image in images) == [1, 2, 3]


def test_text_comes_in_a_character_set_that_holds_it(start_finder: StartFinder) -> None:
    listener = start_finder()
    (match,) = query(listener, "PATIENT", "PATIENT", PatientName="müller*", PatientID="")
    assert (str(match.PatientName), match.SpecificCharacterSet) == ("Müller^Jörg", "ISO_IR 192")
    identifier = Dataset()
    identifier.SpecificCharacterSet = "ISO_IR 100"
    identifier.PatientName = "MÜLLER^JÖRG"
    result = find("127.0.0.1", listener.port, "ANY", level="PATIENT", keys=identifier, root="PATIENT")
    assert [str(match.PatientName) for match in result.matches] == ["Müller^Jörg"]
    ascii_only = query(listener, "PATIENT", "PATIENT", PatientID="P1", PatientName="")
    assert "SpecificCharacterSet" not in ascii_only[0]


def test_a_request_in_latin_1_is_answered_in_it(start_finder: StartFinder) -> None:
    listener = start_finder()
    ae = AE("TESTER")
    ae.add_requested_context(PATIENT_ROOT_FIND, ImplicitVRLittleEndian)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "PATIENT"
    identifier.SpecificCharacterSet = "ISO_IR 100"
    identifier.PatientName = "Mü*"
    association = ae.associate("127.0.0.1", listener.port)
    answers = list(association.send_c_find(identifier, PATIENT_ROOT_FIND))
    association.release()
    assert [status.Status for status, _ in answers] == [0xFF00, 0]
    assert (answers[0][1].SpecificCharacterSet, answers[0][1].PatientName) == ("ISO_IR 100", "Müller^Jörg")


def test_keys_without_a_column_are_answered_from_a_header_or_empty(start_finder: StartFinder) -> None:
    listener = start_finder()
    matches = query(
        listener, "STUDY", PatientID="", PatientComments="", EthnicGroup="", PatientName="Name^P1"
    )
    assert [(m.PatientComments, m.EthnicGroup) for m in matches] == [("first patient", "")]


def test_a_tag_as_a_value_comes_as_it_is_in_the_file(
    start_finder: StartFinder, ingest: Archive, put: Callable[..., Path]
) -> None:
    put("p3.dcm", patient="P3", study=9, FrameIncrementPointer=[0x00181063, 0x00200013])
    rebuild(ingest)
    (match,) = query(start_finder(), "IMAGE", PatientID="P3", FrameIncrementPointer="")
    assert list(match.FrameIncrementPointer) == [0x00181063, 0x00200013]


def test_attributes_of_lower_levels_are_left_empty_but_the_modalities(start_finder: StartFinder) -> None:
    (match,) = query(
        start_finder(), "STUDY", StudyInstanceUID="1.2.826.0.1.3680043.10.1.3", Modality="", SeriesNumber=""
    )
    assert (list(match.Modality), match.SeriesNumber) == (["CT", "MR"], None)


def test_status_tells_what_was_not_matched(start_finder: StartFinder) -> None:
    listener = start_finder()
    ae = AE("TESTER")
    ae.add_requested_context(STUDY_ROOT_FIND, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", listener.port)

    def statuses(identifier: Dataset) -> set[int]:
        identifier.QueryRetrieveLevel = "STUDY"
        return {int(status.Status) for status, _ in association.send_c_find(identifier, STUDY_ROOT_FIND)}

    plain, unmatched, sequence = Dataset(), Dataset(), Dataset()
    plain.PatientID = unmatched.PatientID = sequence.PatientID = "P*"
    unmatched.PatientComments = "first*"
    item = Dataset()
    item.CodeValue = "1"
    sequence.ProcedureCodeSequence = [item]
    assert statuses(plain) == {0xFF00, 0}
    assert statuses(unmatched) == {0xFF01, 0}
    assert statuses(sequence) == {0xFF01, 0}
    sequence.ProcedureCodeSequence = []
    assert statuses(sequence) == {0xFF00, 0}
    association.release()


def test_sequences_come_back_as_a_file_has_them(
    start_finder: StartFinder, ingest: Archive, put: Callable[..., Path]
) -> None:
    code, protocol, request = Dataset(), Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "X1", "99", "Schädel"
    protocol.CodeValue = "P1"
    request.ScheduledProcedureStepID, request.ScheduledProtocolCodeSequence = "S1", [protocol, protocol]
    sequences = {"ProcedureCodeSequence": [code], "RequestAttributesSequence": [request]}
    put("p7.dcm", patient="P7", study=77, SpecificCharacterSet="ISO_IR 100", **sequences)
    rebuild(ingest)
    port = start_finder().port

    def ask(**keys: list[Dataset]) -> Dataset:
        identifier = Dataset()
        identifier.PatientID, identifier.StudyInstanceUID = "P7", ""
        for keyword, items in keys.items():
            setattr(identifier, keyword, items)
        (match,) = find("127.0.0.1", port, "ANY", level="STUDY", keys=identifier).matches
        return match

    all_of_it = ask(ProcedureCodeSequence=[], RequestAttributesSequence=[])
    assert list(all_of_it.ProcedureCodeSequence) == [code]
    assert list(all_of_it.RequestAttributesSequence) == [request]
    wanted, inner = Dataset(), Dataset()
    inner.CodeValue = inner.CodeMeaning = ""
    wanted.ScheduledProcedureStepID, wanted.ScheduledProtocolCodeSequence = "", [inner]
    (item,) = ask(RequestAttributesSequence=[wanted]).RequestAttributesSequence
    assert [(one.CodeValue, one.CodeMeaning) for one in item.ScheduledProtocolCodeSequence] == [
        ("P1", "")
    ] * 2
    assert len(ask(ReferencedStudySequence=[]).ReferencedStudySequence) == 0


def test_a_sequence_that_is_too_large_for_an_answer_stays_empty(
    start_finder: StartFinder, ingest: Archive, put: Callable[..., Path]
) -> None:
    code = Dataset()
    code.CodeValue = "X"
    for number, size in ((8, MAX_ATTRIBUTES), (9, MAX_ATTRIBUTES + 1)):
        put(f"p{number}.dcm", patient=f"P{number}", study=number + 80, ProcedureCodeSequence=[code] * size)
    rebuild(ingest)
    port = start_finder().port
    for patient, size in (("P8", MAX_ATTRIBUTES), ("P9", 0)):
        identifier = Dataset()
        identifier.PatientID, identifier.ProcedureCodeSequence = patient, []
        (match,) = find("127.0.0.1", port, "ANY", level="STUDY", keys=identifier).matches
        assert len(match.ProcedureCodeSequence) == size


@pytest.mark.parametrize(
    ("model", "level", "status"),
    [
        (STUDY_ROOT_FIND, "PATIENT", 0xA900),
        (PATIENT_STUDY_FIND, "SERIES", 0xA900),
        (PATIENT_STUDY_FIND, "STUDY", 0),
        (PATIENT_ROOT_FIND, "FRAME", 0xA900),
        (PATIENT_ROOT_FIND, None, 0xA900),
    ],
)
def test_levels_that_a_model_does_not_have(
    start_finder: StartFinder, model: str, level: str | None, status: int
) -> None:
    ae = AE("TESTER")
    ae.add_requested_context(model)
    identifier = Dataset()
    identifier.PatientID = "P1"
    if level is not None:
        identifier.QueryRetrieveLevel = level
    association = ae.associate("127.0.0.1", start_finder().port)
    *_, (last, _) = association.send_c_find(identifier, model)
    association.release()
    assert last.Status == status
    assert status == 0 or last.ErrorComment


def test_identifier_that_is_none_is_answered(start_finder: StartFinder) -> None:
    listener = start_finder()
    peer = RawPeer(listener.port, contexts=[(PATIENT_ROOT_FIND, ExplicitVRLittleEndian)])
    command = Command(
        AffectedSOPClassUID=PATIENT_ROOT_FIND,
        CommandField=0x20,
        MessageID=1,
        Priority=0,
        CommandDataSetType=1,
    )
    peer.send_values((1, 3, encode_command(command)), (1, 2, b"\x08\0\x52\0CS\xff\xff not that long"))
    assert peer.read_status() == 0xC000


def test_limit_and_cancel(start_finder: StartFinder) -> None:
    listener = start_finder(limit=5)
    result = find("127.0.0.1", listener.port, "ANY", level="IMAGE", keys={"SOPInstanceUID": ""})
    assert (result.status, len(result.matches)) == (0xA700, 5)
    result = find("127.0.0.1", listener.port, "ANY", level="IMAGE", keys={"SOPInstanceUID": ""}, limit=2)
    assert (result.ok, len(result.matches)) == (True, 2)
    assert len(query(listener, "IMAGE", PatientID="P1", SOPInstanceUID="")) == 3


def test_combined_ranges_have_to_be_negotiated(start_finder: StartFinder) -> None:
    listener = start_finder()
    ae = AE("TESTER")
    context = build_context(STUDY_ROOT_FIND, ExplicitVRLittleEndian)
    extension = SOPClassExtendedNegotiation()
    extension.sop_class_uid = STUDY_ROOT_FIND
    extension.service_class_application_information = b"\1\1\1"
    association = ae.associate("127.0.0.1", listener.port, contexts=[context], ext_neg=[extension])
    assert association.acceptor.sop_class_extended == {STUDY_ROOT_FIND: b"\1\1\0"}
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyDate = "20240101-20240103"
    identifier.StudyTime = "1200-1100"
    found = [match for _, match in association.send_c_find(identifier, STUDY_ROOT_FIND) if match]
    association.release()
    assert len(found) == 3
    assert query(listener, "STUDY", StudyDate="20240101-20240103", StudyTime="1200-1100") == []


def test_strangers_are_not_answered(start_finder: StartFinder) -> None:
    listener = start_finder(policy=AccessRules(query=Access([("*", "192.0.2.0/24")])))
    ae = AE("TESTER")
    ae.add_requested_context(STUDY_ROOT_FIND)
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", listener.port)
    assert [str(c.abstract_syntax) for c in association.accepted_contexts] == ["1.2.840.10008.1.1"]
    association.release()


def test_index_that_cannot_be_read(start_finder: StartFinder, ingest: Archive, tmp_path: Path) -> None:
    listener = start_finder()
    ingest.close()
    for path in tmp_path.glob("conquest.db*"):
        path.write_bytes(b"no database " * 100)
    result = find("127.0.0.1", listener.port, "ANY", level="IMAGE", keys={"SOPInstanceUID": ""})
    assert (result.status, result.comment) == (0xA700, "the index cannot be read")


@pytest.mark.skipif(shutil.which("findscu") is None, reason="DCMTK's findscu is not installed")
def test_dcmtk_finds(start_finder: StartFinder) -> None:
    listener = start_finder()
    keys = [
        "-k",
        "QueryRetrieveLevel=SERIES",
        "-k",
        "PatientName=M*",
        "-k",
        "Modality",
        "-k",
        "SeriesInstanceUID",
    ]
    for model in ("-P", "-S"):
        command = ["findscu", model, "127.0.0.1", str(listener.port), *keys]
        shown = subprocess.run(command, check=True, capture_output=True).stderr.decode("utf-8")
        assert shown.count("SeriesInstanceUID") == 3
        assert shown.count("[MR]") == 1
        assert "Müller^Jörg" in shown
