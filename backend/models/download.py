# SPDX-License-Identifier: GPL-3.0-or-later
"""One file over HTTP: resumed, checked, and whole or not there."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, OrbitPainterError
from ..progress import Progress, silent
from ..version import VERSION
from ..whole_files import output_errors

BLOCK = 1 << 20
TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 5  # failures in a row without a new byte
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Remote:
    """A file to fetch. size in bytes and sha256 (hexadecimal) where they are known."""

    url: str
    size: int | None = None
    sha256: str = ""


def download(
    remote: Remote,
    target: Path,
    token: str = "",
    progress: Progress = silent,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Fetch `remote` to `target`; its SHA-256. What is there of it in `target.part` is kept and gone on with.

    `target` appears when the size and hash are right. Broken connections are taken up again a few times. Raises
    InputError (not what was announced: then the part is deleted), OutputError (disk), OrbitPainterError (network),
    CancelledError from `progress`.
    """
    part = target.with_name(target.name + ".part")
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fetch = _Fetch(remote, part, token, progress)
        failures = 0
        while not fetch.complete():
            before = fetch.done
            try:
                fetch.attempt()
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                wait = _pause(error, remote.url)
                failures = 1 if fetch.done > before else failures + 1
                if failures >= ATTEMPTS:
                    raise OrbitPainterError(
                        "no-connection",
                        f"{_host(remote.url)} cannot be reached ({_reason(error)}).",
                        "Check the connection and run the command again: what was fetched is kept.",
                    ) from error
                _wait(wait or 0.5 * 2**failures, progress, fetch.fraction(), sleep)
        found = fetch.digest()
        _check(remote, fetch.done, found, part)
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
        fetch.state.unlink(missing_ok=True)
    return found


class _Fetch:
    """A download in progress: how far the part is, and the hash of what it holds."""

    def __init__(self, remote: Remote, part: Path, token: str, progress: Progress) -> None:
        self.remote, self.part, self.token, self.progress = remote, part, token, progress
        self.state = part.with_name(part.name + ".json")
        self.size = remote.size
        self._etag = self._recorded_etag()
        self._ended = False
        self._hasher = hashlib.sha256()
        self.done = 0
        self._take_up()

    def complete(self) -> bool:
        return self._ended or (self.size is not None and self.done == self.size)

    def fraction(self) -> float:
        return self.done / self.size if self.size else 0.0

    def digest(self) -> str:
        return self._hasher.hexdigest()

    def attempt(self) -> None:
        """Ask for what is missing and write it down until the server stops."""
        headers = {"User-Agent": f"orbit-painter/{VERSION}", "Accept-Encoding": "identity"}
        if self.done:
            headers["Range"] = f"bytes={self.done}-"
            if self._etag:
                headers["If-Range"] = self._etag
        try:
            response = opened(self.remote.url, headers, self.token)
        except urllib.error.HTTPError as error:
            if error.code != 416:
                raise
            total = _RANGE.fullmatch(error.headers.get("Content-Range") or "")
            if total and total[2] == str(self.done):
                self._ended = True
            else:
                self._start_over()
            return
        with response:
            self._receive(response)

    def _receive(self, response: Any) -> None:
        if response.status == 206:
            found = _RANGE.fullmatch(response.headers.get("Content-Range") or "")
            if not found or found[1] != str(self.done):
                self._start_over()
                return
            total = None if found[2] == "*" else int(found[2])
        else:
            if self.done:  # the server sends all of it again
                self._start_over()
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
        if self.size is not None and total is not None and total != self.size:
            raise _wrong_size(self.remote, total)
        self.size = total if self.size is None else self.size
        self._etag = response.headers.get("ETag") or ""
        self.state.write_text(json.dumps({"etag": self._etag}), encoding="utf-8")
        with open(self.part, "ab") as file:
            while block := _read(response):
                file.write(block)
                self._hasher.update(block)
                self.done += len(block)
                self.progress(self.fraction(), f"{self.done / 1e6:.0f} MB")
        if self.size is None:
            self._ended = True
        elif self.done < self.size:
            raise ConnectionError("the connection ended early")

    def _take_up(self) -> None:
        """What an earlier download has left, where it can be told to belong to the same file."""
        there = self.part.stat().st_size if self.part.exists() else 0
        if not there:
            return
        if (self.size is not None and there > self.size) or not (self.remote.sha256 or self._etag):
            self._start_over()
            return
        with open(self.part, "rb") as file:
            while block := file.read(BLOCK):
                self._hasher.update(block)
                self.done += len(block)
                self.progress(self.fraction(), "checking what is there")

    def _start_over(self) -> None:
        self.part.unlink(missing_ok=True)
        self._hasher, self.done, self._etag = hashlib.sha256(), 0, ""

    def _recorded_etag(self) -> str:
        try:
            return str(json.loads(self.state.read_text(encoding="utf-8"))["etag"])
        except (OSError, ValueError, KeyError, TypeError):  # no record: the part is taken up only if a hash can tell
            return ""


def opened(url: str, headers: Mapping[str, str], token: str = "") -> Any:
    """The response to a GET. The token goes to the host that was asked, not where it redirects to.

    Raises InputError for an address that is not https (this computer's own aside), HTTPError, URLError.
    """
    _check_address(url)
    request = urllib.request.Request(url, headers=dict(headers))
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(_SafeRedirects, urllib.request.HTTPSHandler(context=_trust()))
    return opener.open(request, timeout=TIMEOUT)


def _read(response: Any) -> bytes:
    """The next block. Whatever the system calls its failure, it is the connection's, not the disk's."""
    try:
        return response.read(BLOCK)
    except OSError as error:
        raise ConnectionError(str(error)) from error


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _trust() -> ssl.SSLContext:
    """The system's certificates; where Python finds none (some Blender builds), those of certifi."""
    context = ssl.create_default_context()
    if not context.get_ca_certs() and not os.environ.get("SSL_CERT_FILE"):
        try:
            import certifi
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context


def _check_address(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise InputError("address-unsafe", f"{url} is not an https address.", "Check the endpoint.")


def _pause(error: Exception, url: str) -> float:
    """Seconds that the server wants us to wait, 0 if it does not say. Raises where trying again cannot help."""
    if not isinstance(error, urllib.error.HTTPError):
        if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
            raise OrbitPainterError(
                "certificate",
                f"The connection to {_host(url)} is not trusted.",
                "Behind a company proxy, set SSL_CERT_FILE to its certificate; check the computer's clock.",
            ) from error
        return 0.0
    if error.code in (401, 403):
        raise OrbitPainterError(
            "licence-gate",
            f"{_host(url)} does not give this file to everybody.",
            "Accept the licence on the model's page, and set HF_TOKEN to a token that may read it.",
        ) from error
    if error.code == 404:
        raise InputError("model-moved", f"{url} is not there any more.", "Look for a newer Orbit Painter.") from error
    if error.code == 429 or error.code >= 500:
        after = error.headers.get("Retry-After") or ""
        return min(float(after), 120.0) if after.isdigit() else 0.0
    raise OrbitPainterError("server-refused", f"{_host(url)} answered {error.code}.", "Try again later.") from error


def _wait(seconds: float, progress: Progress, fraction: float, sleep: Callable[[float], None]) -> None:
    while seconds > 0:
        progress(fraction, f"trying again in {seconds:.0f} s")
        sleep(min(seconds, 0.5))
        seconds -= 0.5


def _check(remote: Remote, size: int, found: str, part: Path) -> None:
    if remote.size is not None and size != remote.size:
        part.unlink()
        raise _wrong_size(remote, size)
    if remote.sha256 and found != remote.sha256:
        part.unlink()
        raise InputError(
            "hash-mismatch",
            f"{_name(remote.url)} is not what was announced (SHA-256 {found[:12]}..., not {remote.sha256[:12]}...).",
            "Download it again; if it stays so, something between you and the hub changes files.",
        )


def _wrong_size(remote: Remote, size: int) -> InputError:
    return InputError(
        "size-mismatch",
        f"{_name(remote.url)} has {size} bytes, and {remote.size} were announced.",
        "Download it again.",
    )


def _name(url: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or url


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)
