"""Foreign DICOM clients behind one interface: each does what a test asks by its own programs or library."""

import contextlib
import importlib
import itertools
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from samples import wait_until

HERE = Path(__file__).parent
TITLE = "CLIENT"
SERVER = "ARCHIVE"
TITLES = ("-aet", TITLE, "-aec", SERVER)
ROOTS = {"PATIENT": "-P", "STUDY": "-S"}
"""Options of DCMTK's tools, which pynetdicom's share."""
LEVELS = {"PATIENT": "Patient", "STUDY": "Study", "SERIES": "Series", "IMAGE": "Instance"}
"""Orthanc's names."""
Keys = dict[str, str]


@dataclass
class Server:
    """The archive that a client speaks to, and the folder that the client may write to."""

    port: int
    folder: Path

    def new_folder(self) -> Path:
        """Return a new empty folder."""
        for number in itertools.count():
            folder = self.folder / str(number)
            if not folder.exists():
                folder.mkdir(parents=True)
                return folder
        raise AssertionError


def run(*command: object, given: str = "") -> str:
    """Run a program that must succeed; return what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows_of(folder: Path) -> list[Keys]:
    """Return the answers of a query that a client has written as DICOM files."""
    answers = [dcmread(path, force=True) for path in sorted(folder.iterdir())]
    return [{element.keyword: text_of(element.value) for element in answer} for answer in answers]


def text_of(value: Any) -> str:
    return (
        "\\".join(map(str, value)) if isinstance(value, list | tuple) or _is_multiple(value) else str(value)
    )


def _is_multiple(value: Any) -> bool:
    return type(value).__name__ == "MultiValue"


class Client:
    """What a client can do; the base does nothing. A client that lacks something says so in ``lacks``."""

    name: str
    lacks: frozenset[str] = frozenset()
    rewrites = False
    """Whether it writes values its own way, such as numbers and texts, and leaves private elements out."""
    no_get_of: frozenset[str] = frozenset()
    """Modalities whose classes it does not propose for C-GET."""

    def missing(self) -> str | None:
        """Return why the client is not to be had on this machine; None if it is."""
        raise NotImplementedError

    def echo(self, server: Server) -> None:
        """Do a C-ECHO that must succeed."""
        raise NotImplementedError

    def store(self, server: Server, files: Sequence[Path]) -> None:
        """Store files; every one must be accepted."""
        raise NotImplementedError

    def find(self, server: Server, root: str, level: str, keys: Keys) -> list[Keys]:
        """Return the answers of a C-FIND that must succeed."""
        raise NotImplementedError

    def get(self, server: Server, root: str, level: str, keys: Keys) -> Iterable[Path]:
        """Retrieve by C-GET, which must succeed; return the files that the client wrote."""
        raise NotImplementedError

    def move(self, server: Server, root: str, level: str, keys: Keys, destination: str) -> None:
        """Have the archive send to a destination; must succeed."""
        raise NotImplementedError


class Dcmtk(Client):
    """DCMTK's command line tools."""

    name = "dcmtk"

    def missing(self) -> str | None:
        return None if shutil.which("findscu") else "DCMTK is not installed (on Debian: apt install dcmtk)"

    def echo(self, server: Server) -> None:
        run("echoscu", *TITLES, "127.0.0.1", server.port)

    def store(self, server: Server, files: Sequence[Path]) -> None:
        run("dcmsend", "-nuc", *TITLES, "127.0.0.1", server.port, *files)

    def find(self, server: Server, root: str, level: str, keys: Keys) -> list[Keys]:
        folder = server.new_folder()
        run("findscu", "-X", "-od", folder, *self._query(server, root, level, keys))
        return rows_of(folder)

    def get(self, server: Server, root: str, level: str, keys: Keys) -> Iterable[Path]:
        folder = server.new_folder()
        run("getscu", "-od", folder, *self._query(server, root, level, keys))
        return folder.iterdir()

    def move(self, server: Server, root: str, level: str, keys: Keys, destination: str) -> None:
        run("movescu", "-aem", destination, *self._query(server, root, level, keys))

    def _query(self, server: Server, root: str, level: str, keys: Keys) -> list[object]:
        pairs = {"QueryRetrieveLevel": level, **keys}.items()
        wanted = [word for key, value in pairs for word in ("-k", f"{key}={value}")]
        return [ROOTS[root], *TITLES, *wanted, "127.0.0.1", server.port]


class DcmtkStorescu(Dcmtk):
    """The other sender of DCMTK, which needs to be told what to propose."""

    name = "storescu"

    def store(self, server: Server, files: Sequence[Path]) -> None:
        by_syntax: dict[str, list[Path]] = {}
        for path in files:
            by_syntax.setdefault(str(dcmread(path).file_meta.TransferSyntaxUID), []).append(path)
        options = {"1.2.840.10008.1.2.4.91": "-xw", "1.2.840.10008.1.2.5": "-xr"}
        for syntax, paths in by_syntax.items():
            option = [options[syntax]] if syntax in options else []
            run("storescu", "-R", *option, *TITLES, "127.0.0.1", server.port, *paths)


class Pynetdicom(Client):
    """pynetdicom's command line applications, run in this process: their start takes long."""

    name = "pynetdicom"

    def missing(self) -> str | None:
        return None

    def _app(self, name: str, *arguments: object, cwd: Path = HERE) -> None:
        app = importlib.import_module(f"pynetdicom.apps.{name}.{name}")
        try:
            with contextlib.chdir(cwd):
                app.main(["-q", *TITLES, *map(str, arguments)])
        except SystemExit as error:
            assert not error.code, f"{name} ended with status {error.code}"

    def echo(self, server: Server) -> None:
        self._app("echoscu", "127.0.0.1", server.port)

    def store(self, server: Server, files: Sequence[Path]) -> None:
        folder = server.new_folder()
        for number, path in enumerate(files):
            shutil.copy(path, folder / f"{number}.dcm")
        self._app("storescu", "-cx", "127.0.0.1", server.port, folder)

    def find(self, server: Server, root: str, level: str, keys: Keys) -> list[Keys]:
        folder = server.new_folder()
        self._app("findscu", "-w", *self._query(server, root, level, keys), cwd=folder)
        return rows_of(folder)

    def get(self, server: Server, root: str, level: str, keys: Keys) -> Iterable[Path]:
        folder = server.new_folder()
        self._app("getscu", "-od", folder, *self._query(server, root, level, keys))
        return folder.iterdir()

    def move(self, server: Server, root: str, level: str, keys: Keys, destination: str) -> None:
        self._app("movescu", "-aem", destination, *self._query(server, root, level, keys))

    def _query(self, server: Server, root: str, level: str, keys: Keys) -> list[object]:
        pairs = {"QueryRetrieveLevel": level, **keys}.items()
        wanted = [word for key, value in pairs for word in ("-k", f"{key}={value}")]
        return ["127.0.0.1", server.port, ROOTS[root], *wanted]


class Script(Client):
    """A client that is a script of another language or interpreter: a task as JSON in, its answer as JSON out."""

    command: tuple[str, ...]

    def _do(self, server: Server, task: str, **values: Any) -> Any:
        given = {"task": task, "host": "127.0.0.1", "port": server.port, "calling": TITLE, "called": SERVER}
        said = run(*self.command, given=json.dumps(given | values))
        return json.loads(said.strip().splitlines()[-1])

    def echo(self, server: Server) -> None:
        self._do(server, "echo")

    def store(self, server: Server, files: Sequence[Path]) -> None:
        self._do(server, "store", files=[str(file) for file in files])

    def find(self, server: Server, root: str, level: str, keys: Keys) -> list[Keys]:
        answer: list[Keys] = self._do(server, "find", root=root, level=level, keys=keys)
        return answer

    def get(self, server: Server, root: str, level: str, keys: Keys) -> Iterable[Path]:
        folder = server.new_folder()
        self._do(server, "get", root=root, level=level, keys=keys, folder=str(folder))
        return folder.iterdir()

    def move(self, server: Server, root: str, level: str, keys: Keys, destination: str) -> None:
        self._do(server, "move", root=root, level=level, keys=keys, destination=destination)


class DcmjsDimse(Script):
    """dcmjs-dimse of npm; it has no queries of the patient root."""

    name = "dcmjs-dimse"
    lacks = frozenset({"PATIENT"})
    rewrites = True
    no_get_of = frozenset({"RTSTRUCT", "RTPLAN", "RTDOSE"})
    command = ("node", str(HERE / "dcmjs_client.js"))

    def missing(self) -> str | None:
        if not shutil.which("node"):
            return "Node.js is not installed"
        found = subprocess.run(
            ["node", "-e", "require('dcmjs-dimse')"],
            env=os.environ | {"NODE_PATH": modules()},
            capture_output=True,
        )
        return "dcmjs-dimse is not installed (tests/interop/install_peers.sh)" if found.returncode else None

    def _do(self, server: Server, task: str, **values: Any) -> Any:
        os.environ["NODE_PATH"] = modules()
        return super()._do(server, task, **values)


def modules() -> str:
    """Return the folder that install_peers.sh has put Node's packages into."""
    folder = os.environ.get("PYCONQUEST_RT_PEERS", str(Path.home() / ".cache/pyconquest_rt_peers"))
    return str(Path(folder) / "node_modules")


class Odil(Script):
    """odil's Python module, of the system's Python."""

    name = "odil"
    rewrites = True
    command = ("/usr/bin/python3", str(HERE / "odil_client.py"))

    def missing(self) -> str | None:
        found = subprocess.run(["/usr/bin/python3", "-c", "import odil"], capture_output=True)
        return "python3-odil is not installed (tests/interop/install_peers.sh)" if found.returncode else None


class Orthanc(Client):
    """Orthanc by its REST interface; its own database is where C-MOVE brings objects."""

    name = "orthanc"
    lacks = frozenset({"get"})

    def __init__(self) -> None:
        self.url = ""
        self.dicom_port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def missing(self) -> str | None:
        return (
            None if shutil.which("Orthanc") else "Orthanc is not installed (on Debian: apt install orthanc)"
        )

    def start(self, folder: Path, http_port: int, dicom_port: int, **settings: Any) -> None:
        """Run it; `settings` are of its configuration."""
        folder.mkdir(parents=True)
        self.url, self.dicom_port = f"http://127.0.0.1:{http_port}", dicom_port
        given = {
            "Name": TITLE,
            "DicomAet": TITLE,
            "StorageDirectory": str(folder),
            "IndexDirectory": str(folder),
            "HttpPort": http_port,
            "DicomPort": dicom_port,
        }
        (folder / "orthanc.json").write_text(json.dumps(given | settings))
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log
            )
        wait_until(self._answers)

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            return bool(self.call("/system"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def call(self, path: str, body: object = None, method: str | None = None) -> Any:
        """Call the REST interface: bytes are sent as they are, anything else as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def know(self, server: Server, **more: Any) -> str:
        """Make the archive a modality; return its path."""
        modality = {"AET": SERVER, "Host": "127.0.0.1", "Port": server.port, **more}
        self.call("/modalities/archive", modality, "PUT")
        return "/modalities/archive"

    def echo(self, server: Server) -> None:
        self.call(f"{self.know(server)}/echo", {})

    def store(self, server: Server, files: Sequence[Path]) -> None:
        ids = [self.call("/instances", file.read_bytes())["ID"] for file in files]
        done = self.call(f"{self.know(server)}/store", {"Resources": ids, "Synchronous": True})
        assert (done["InstancesCount"], done["FailedInstancesCount"]) == (len(files), 0)

    def find(self, server: Server, root: str, level: str, keys: Keys) -> list[Keys]:
        query = self._query(server, level, keys)
        answers: list[Keys] = self.call(f"{query}/answers?expand&simplify")
        return answers

    def move(self, server: Server, root: str, level: str, keys: Keys, destination: str) -> None:
        query = self._query(server, level, keys)
        self.call(f"{query}/retrieve", {"TargetAet": destination, "Synchronous": True})

    def _query(self, server: Server, level: str, keys: Keys) -> str:
        asked = {"Level": LEVELS[level], "Query": keys, "Normalize": False}
        return f"/queries/{self.call(f'{self.know(server)}/query', asked)['ID']}"


CLIENTS: tuple[Client, ...] = (Dcmtk(), Pynetdicom(), Orthanc(), DcmjsDimse(), Odil())
