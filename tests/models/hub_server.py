"""A hub on the loopback address: its API, redirects to a storage address, ranges; and the ways in which it can fail."""

import contextlib
import hashlib
import http.server
import json
import threading
import urllib.parse


class Hub(http.server.ThreadingHTTPServer):
    """files: {path: bytes} of the one repository `org/repo`. `faults` are taken one per GET of a file's bytes."""

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.faults, self.ranges, self.tokens = dict(files), [], [], []
        self.etag, self.stated = '"v1"', {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        hub, path = self.server, urllib.parse.unquote(self.path.partition("?")[0])
        if path.startswith("/api/"):
            hub.tokens.append(("api", self.headers.get("Authorization")))
            return self._api(path)
        if "/resolve/" in path:
            hub.tokens.append(("resolve", self.headers.get("Authorization")))
            name = path.partition("/resolve/")[2].partition("/")[2]
            self.send_response(302)
            self.send_header("Location", f"{hub.url}/storage/{urllib.parse.quote(name)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        hub.tokens.append(("storage", self.headers.get("Authorization")))
        return self._bytes(path.removeprefix("/storage/"))

    def _api(self, path):
        if not path.startswith("/api/models/org/repo/"):
            return self._send(404, b"{}")
        if "/revision/" in path:
            return self._send(200, json.dumps({"sha": "c0ffee"}).encode())
        entries = [
            {"type": "file", "path": name, "size": len(data), "oid": "1", **self._lfs(name, data)}
            for name, data in self.server.files.items()
        ]
        first, rest = entries[:1], entries[1:]  # two pages, as the hub does for large repositories
        if "page=2" in self.path:
            return self._send(200, json.dumps(rest).encode())
        link = f'<{self.server.url}{self.path}&page=2>; rel="next"'
        return self._send(200, json.dumps(first).encode(), {"Link": link})

    def _lfs(self, name, data):
        if not name.endswith((".safetensors", ".pth")):
            return {}
        digest = self.server.stated.get(name) or hashlib.sha256(data).hexdigest()
        return {"lfs": {"oid": digest, "size": len(data)}}

    def _bytes(self, name):
        hub, data, wanted = self.server, self.server.files[name], self.headers.get("Range")
        hub.ranges.append(wanted)
        fault = hub.faults.pop(0) if hub.faults else None
        if isinstance(fault, int):
            return self._send(fault, b"", {"Retry-After": "1"})
        start = 0
        if wanted and fault != "no-ranges" and self.headers.get("If-Range") in (None, hub.etag):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        body = data[start:]
        if fault == "longer":
            body += b"extra"
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", hub.etag)
        self.end_headers()
        if fault == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return None
        if fault == "flipped":
            body = bytes([body[0] ^ 1]) + body[1:]
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)
        return None

    def _send(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def serving(files):
    hub = Hub(files)
    thread = threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
