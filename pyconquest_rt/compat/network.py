"""The part of the class that sends, receives and asks other nodes; the work is done in scu.py, scp.py and node.py."""

import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.archive.contracts import Received
from pyconquest_rt.archive.selection import select_images, series_in
from pyconquest_rt.compat.base import RAISED, Base
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.service.hooks import Stored
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import ArchiveSettings, DeriveSettings, ListenerSettings, Settings

AETitle = str | bytes
_SUCCESS, _CANNOT_UNDERSTAND, _OUT_OF_RESOURCES = 0x0000, 0xC000, 0xA700


class Network(Base):
    """Objects go to other nodes and come from them.

    Nodes that speak TLS are spoken to with the context ``tls``, as :mod:`pyconquest_rt.net.protocol.tls` makes it.
    """

    def start_dicom_listener(
        self,
        port: int = 5678,
        write_to_database: bool = True,
        block: bool = True,
        *,
        host: str = "0.0.0.0",
        ae_title: str = "PYCONQUEST",
        on_stored: Callable[[Stored], object] | None = None,
        **listener: Any,
    ) -> Node | None:
        """Receive objects, answer C-ECHO, and answer queries from this machine and known peers.

        Args:
            port: the port, or 0 for any free one.
            write_to_database: False stores files only; a later rebuild finds them.
            block: listen until interrupted; otherwise return at once.
            host: the address to listen on; all interfaces, as in PyConquest.
            ae_title: the own AE title.
            on_stored: called with each object that is safe and indexed, in a thread of its own.
            listener: further keys of the section listener of the settings, such as ``tls_certificate``,
                ``may_store`` and ``may_query``.

        Returns:
            with ``block=False`` a handle with ``port``, ``counters`` and ``stop()``, otherwise None.

        Raises:
            NetworkError: the port cannot be had.
            SettingsError: a certificate or a caller cannot be used.
        """
        address = ListenerSettings(host, port, ae_title, **listener)
        hooks = [] if on_stored is None else [on_stored]
        node = Node(self._node_settings(address), write_to_database=write_to_database, on_stored=hooks)
        print(f"starting listener on port : {node.port}")
        if not write_to_database:
            print("the database is not updated")
        if not block:
            return node
        try:
            node.wait()
        except KeyboardInterrupt:
            self._log.info("the listener was interrupted")
        finally:
            node.stop()
        return None

    def handle_dicom_store_request(self, event: Any) -> int:
        """Store and index the object of a C-STORE event of pynetdicom (``evt.EVT_C_STORE``).

        Returns:
            the DIMSE status: 0x0000 only if the file is safe on disk and its rows are committed.
        """
        reception = Reception(self._archive_settings)
        try:
            uid = str(event.request.AffectedSOPInstanceUID)
            with reception.stage(uid) as file:
                file.write(event.encoded_dataset())
                file.flush()
                reception.accept(Received(file, str(event.request.AffectedSOPClassUID), uid))
        except ObjectError as error:
            self._log.error("an object was refused: %s", error)
            return _CANNOT_UNDERSTAND
        except RAISED as error:
            self._log.error("an object could not be stored: %s", error)
            return _OUT_OF_RESOURCES
        finally:
            reception.close()
        return _SUCCESS

    def send_dicom(
        self,
        addres: str = "127.0.0.1",
        port: int = 5678,
        patientid: str = "",
        seriesuid: str = "",
        query: str = "",
        ae_title: AETitle = b"PYNETDICOM",
        sending_ae_title: AETitle = b"pyconquest",
        *,
        parallel: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> Any:
        """Send the objects of a patient, a series or a query (with the column SeriesInst) to a node.

        Args:
            parallel: so many associations share the work.

        Returns:
            a result with ``sent`` (how many) and ``failed`` (path and reason of each that was not); nothing is
            printed or raised for what the other node does.

        Raises:
            DatabaseError: the query has no column SeriesInst.
        """
        database = self._open_database
        images = select_images(database, "patient", patientid) if patientid else []
        series = [seriesuid] if seriesuid else []
        if query:
            series += series_in(self.execute_db_query(query) or [])
        for uid in series:
            images += select_images(database, "series", uid)
        storage = self._archive.storage
        files = {storage.path_of(image.object_file, image.device): image.sop for image in images}
        return self._send(addres, port, files, ae_title, sending_ae_title, parallel, tls, files)

    def send_dicom_file(
        self,
        addres: str,
        port: int,
        filename_list: str | list[str],
        aetitle: AETitle = b"PYNETDICOM",
        sending_ae_title: AETitle = b"pyconquest",
        *,
        parallel: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> Any:
        """Send files to a node; one that cannot be sent does not stop the others.

        Returns:
            a result with ``sent`` (how many) and ``failed`` (path and reason of each that was not).
        """
        paths = [filename_list] if isinstance(filename_list, str) else filename_list
        return self._send(addres, port, paths, aetitle, sending_ae_title, parallel, tls)

    def _send(
        self,
        host: str,
        port: int,
        paths: Iterable[str | Path],
        aet: AETitle,
        own_aet: AETitle,
        parallel: int,
        tls: ssl.SSLContext | None,
        instances: Mapping[Path, str] = MappingProxyType({}),
    ) -> Any:
        from pyconquest_rt.scu import send_files

        result = send_files(paths, host, port, aet, own_aet, parallel=parallel, tls=tls, instances=instances)
        self._log.info("sent %d objects", result.sent)
        self._log_count(len(result.failed), "objects were not sent")
        for _, reason in result.failed:
            self._log.debug("not sent: %s", reason)
        return result

    # -- within -------------------------------------------------------------------------------------------

    def _node_settings(self, listener: ListenerSettings) -> Settings:
        return Settings(self._archive_settings, listener, derive=DeriveSettings(workers=0))

    @property
    def _archive_settings(self) -> ArchiveSettings:
        return ArchiveSettings(
            self.data_directory, self.database_filename, self.sql_inifile_name, dict(self._devices)
        )
