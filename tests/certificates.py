"""Certificates for tests, made by the openssl command: an authority, and who it vouches for."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest


class Identity(NamedTuple):
    """A certificate and its key, as PEM files."""

    certificate: str
    key: str


class Authority:
    """An authority of its own; skips the test where there is no openssl."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed, so no certificate can be made")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.certificate = str(folder / "ca.pem")
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test authority"),
            *("-keyout", folder / "ca.key", "-out", self.certificate),
        )

    def issue(self, name: str, host: str = "IP:127.0.0.1", *, days: int = 2) -> Identity:
        """Return a new certificate for a host."""
        key, request, certificate = (self._folder / f"{name}.{suffix}" for suffix in ("key", "csr", "pem"))
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={host}\n")
        _openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._folder / "ca.key"),
            *("-CAcreateserial", "-days", days, "-extfile", extensions, "-out", certificate),
        )
        return Identity(str(certificate), str(key))


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
