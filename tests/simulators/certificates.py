"""A certificate authority for tests, run with the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
CA_EXTENSIONS = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
LEAF_EXTENSIONS = (
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "subjectKeyIdentifier=hash",
    "authorityKeyIdentifier=keyid",
)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, as PEM files."""

    cert_file: Path
    key_file: Path


class Authority:
    """Signs certificates for servers on this machine and for clients; `ca_file` is what to trust."""

    def __init__(self, folder: Path, name: str = "test-ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca_file = folder / f"{name}.pem"
        self._key_file = folder / f"{name}.key"
        extensions = [part for one in CA_EXTENSIONS for part in ("-addext", one)]
        files = ("-keyout", str(self._key_file), "-out", str(self.ca_file))
        openssl("req", "-x509", *KEY, "-days", "2", "-subj", f"/CN={name}", *extensions, *files)

    def issue(self, name: str, *, days: int = 2, hosts: str = "DNS:localhost,IP:127.0.0.1") -> Certificate:
        """A certificate for *name*; with negative *days* it has expired already."""
        cert, key, request = (self.folder / f"{name}.{ending}" for ending in ("pem", "key", "csr"))
        openssl("req", "-new", *KEY, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("\n".join((*LEAF_EXTENSIONS, f"subjectAltName={hosts}")) + "\n")
        authority = ("-CA", str(self.ca_file), "-CAkey", str(self._key_file), "-CAcreateserial")
        output = ("-days", str(days), "-extfile", str(extensions), "-out", str(cert))
        openssl("x509", "-req", "-in", str(request), *authority, *output)
        return Certificate(cert, key)


def openssl(*arguments: str) -> None:
    """Run openssl; RuntimeError with its own words when it fails."""
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
