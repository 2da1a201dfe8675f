"""Tiny wheels, locks and package indexes, so that an installation takes a second and not a gigabyte."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
import time
import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, version: str = "1.0", payload: bytes = b"", files=None) -> Path:
    """Write NAME-VERSION-py3-none-any.whl: a module NAME with `__version__`, and a data file of `payload`."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    contents = {
        f"{name}/__init__.py": f'__version__ = "{version}"\n'.encode(),
        f"{name}/data.bin": payload or name.encode() * 100,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(files or {}),
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for path, data in contents.items()
    )
    contents[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for inner, data in contents.items():
            packed.writestr(zipfile.ZipInfo(inner, (2026, 1, 1, 0, 0, 0)), data)
    return path


def lock(path: Path, wheels, wrong=()) -> Path:
    """A hashed requirement file for the wheels; those whose name is in `wrong` get the hash of something else."""
    lines = []
    for file in wheels:
        name, version = file.name.split("-")[:2]
        digest = hashlib.sha256(b"else" if name in wrong else file.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")
    path.write_text("".join(lines))
    return path


class Index(http.server.ThreadingHTTPServer):
    """A package index on the loopback address; `delay` seconds pass between the 4 KiB blocks of a wheel."""

    daemon_threads = True

    def __init__(self, folder: Path, delay: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.delay, self.requests = folder, delay, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/simple"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.requests.append(self.path)
        name = self.path.rstrip("/").rpartition("/")[2]
        if self.path.startswith("/files/"):
            return self._file(self.server.folder / name)
        wanted = re.sub(r"[-_.]+", "-", name).lower()
        files = [
            f for f in sorted(self.server.folder.glob("*.whl")) if f.name.split("-")[0].replace("_", "-") == wanted
        ]
        if not files:
            return self._send(404, b"", "text/plain")
        data = {
            "meta": {"api-version": "1.0"},
            "name": wanted,
            "files": [
                {
                    "filename": f.name,
                    "url": f"/files/{f.name}",
                    "hashes": {"sha256": hashlib.sha256(f.read_bytes()).hexdigest()},
                    "requires-python": ">=3.8",
                }
                for f in files
            ],
        }
        return self._send(200, json.dumps(data).encode(), "application/vnd.pypi.simple.v1+json")

    def _file(self, path):
        if not path.is_file():
            return self._send(404, b"", "text/plain")
        return self._send(200, path.read_bytes(), "application/octet-stream", self.server.delay)

    def _send(self, status, body, kind, delay=0.0):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(body), 4096):
                self.wfile.write(body[start : start + 4096])
                time.sleep(delay)


@contextlib.contextmanager
def serving(folder: Path, delay: float = 0.0):
    """An `Index` that runs in a thread."""
    server = Index(folder, delay)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
