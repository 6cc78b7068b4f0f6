"""The part of the class that asks other nodes: C-FIND and C-MOVE; the work is done in scu.py."""

import ssl
from contextlib import nullcontext
from typing import Any

from pyconquest_rt.archive.selection import select_images
from pyconquest_rt.compat.network import AETitle, Network
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import ListenerSettings

_SHORTEST_KEY = 4
_ASKED_FOR = (
    *("SOPClassesInStudy", "StudyTime", "SeriesDate", "SeriesTime", "SeriesDescription", "StudyDescription"),
    *("PatientBirthDate", "StudyID", "FrameOfReferenceUID"),
)


class Asking(Network):
    """Other nodes are asked what they have, and to send it here."""

    def query_dicom(
        self,
        addres: str = "127.0.0.1",
        port: int = 5678,
        ae_title: AETitle = "",
        patientid: str = "",
        modality: str = "",
        studyuid: str = "",
        studydate: str = "",
        seriesuid: str = "",
        sending_ae_title: AETitle = b"PYCONQUEST",
        *,
        tls: ssl.SSLContext | None = None,
    ) -> list[dict[str, Any]]:
        """Ask a node for its series (C-FIND); an empty value matches all.

        Returns:
            one dictionary for each series, DICOM keyword → value; an empty list, and a line in the log, if the
            node does not answer.
        """
        from pyconquest_rt.scu import find

        keys = {
            "PatientID": str(patientid),
            "StudyInstanceUID": studyuid,
            "SeriesInstanceUID": seriesuid,
            "Modality": modality,
            "StudyDate": studydate,
            **dict.fromkeys(_ASKED_FOR, ""),
        }
        try:
            result = find(
                addres,
                port,
                ae_title or "ANY-SCP",
                sending_ae_title,
                level="SERIES",
                keys=keys,
                root="PATIENT",
                tls=tls,
            )
        except PyconquestError as error:
            self._log.error("the query was not answered: %s", error)
            return []
        if not result.ok:
            self._log.error("the query ended with status 0x%04X", result.status)
        return [{element.keyword: element.value for element in match} for match in result.matches]

    def get_dicom(
        self,
        addres: str = "127.0.0.1",
        port: int = 5678,
        ae_title: AETitle = "",
        patientid: str = "",
        modality: str = "",
        series_uid: str = "",
        sop_instance_uid: str = "",
        receiving_ae_title: str = "PYCONQUEST",
        receiving_ip: str = "",
        receiving_port_number: int = 5699,
        requesting_ae_title: AETitle = "PYCONQUEST",
        association_timeout: int = 60,
        sending_to_my_own_scp: bool = True,
        unrestricted_storage: bool = True,
        force_transfer: bool = False,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> int | str | None:
        """Have a node send objects here, or to another node that it knows (C-MOVE).

        Args:
            sending_to_my_own_scp: listen on ``receiving_ip`` and ``receiving_port_number`` meanwhile; the other
                node must know ``receiving_ae_title`` under this address.
            force_transfer: fetch also what is indexed already.
            association_timeout, unrestricted_storage: taken for compatibility; every storage class is received,
                and a node that falls silent is given up by itself.

        Returns:
            None if all is well or nothing was to be done, else the status of the C-MOVE, or text if the other
            node could not be reached.
        """
        keys = _given(PatientID=patientid, SeriesInstanceUID=series_uid, SOPInstanceUID=sop_instance_uid)
        if all(len(value) < _SHORTEST_KEY for value in keys.values()):
            self._log.error(
                "patientid, series_uid and sop_instance_uid are shorter than 4; nothing was asked for"
            )
            return None
        if not force_transfer and self._is_indexed(series_uid, sop_instance_uid):
            self._log.info("it is indexed already; set force_transfer to fetch it again")
            return None
        peer = {
            "host": addres,
            "port": port,
            "called_aet": ae_title or "ANY-SCP",
            "calling_aet": requesting_ae_title,
            "tls": tls,
        }
        own = ListenerSettings(receiving_ip or "0.0.0.0", receiving_port_number, receiving_ae_title)
        try:
            receiver = Node(self._node_settings(own)) if sending_to_my_own_scp else None
            with receiver or nullcontext():
                return self._move(peer, receiving_ae_title, keys, modality)
        except PyconquestError as error:
            self._log.error("nothing was fetched: %s", error)
            return f"ERROR : {error}"

    # -- within -------------------------------------------------------------------------------------------

    def _move(
        self, peer: dict[str, Any], destination: str, keys: dict[str, str], modality: str
    ) -> int | None:
        """Ask which series are meant, and have each sent; returns the first status that is no success."""
        from pyconquest_rt.scu import find, move

        level = "IMAGE" if "SOPInstanceUID" in keys else "SERIES"
        asked = {
            "PatientID": "",
            "StudyInstanceUID": "",
            "SeriesInstanceUID": "",
            "Modality": modality,
        } | keys
        found = find(**peer, level=level, keys=asked, root="PATIENT")
        unique = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        matches = [
            {
                element.keyword: str(element.value)
                for element in match
                if element.keyword in unique and element.value
            }
            for match in found.matches
        ]
        for match in matches or [keys]:
            result = move(**peer, destination=destination, level=level, keys=match, root="PATIENT")
            if not result.ok:
                self._log.error("the C-MOVE ended with status 0x%04X %s", result.status, result.comment)
                return result.status
        return None

    def _is_indexed(self, series: str, sop: str) -> bool:
        database = self._open_database
        if len(series) > _SHORTEST_KEY and select_images(database, "series", series):
            return True
        return len(sop) > _SHORTEST_KEY and bool(select_images(database, "image", sop))


def _given(**keys: str) -> dict[str, str]:
    """Return the keys that have a value."""
    return {name: value for name, value in keys.items() if value}
