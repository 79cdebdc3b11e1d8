"""A file server on this machine that can misbehave as real ones do."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What the server does.

    Attributes:
        files: content by path.
        reported: sha256 that it reports by path, as timm's hub does; nothing for a path that is not here.
        cut_after: it closes the connection after so many bytes of a body.
        ranges: whether it goes on from where a download broke.
        redirect: path that it sends each first request to, as the hub does.
        pause_s: it waits between two pieces of a body.
        piece: bytes of a piece.
        requests: what was asked for, as (path, value of the Range header).
        address: its base address.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    reported: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    ranges: bool = True
    redirect: str = ""
    pause_s: float = 0.0
    piece: int = 2**16
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def put(self, path: str, content: bytes, *, reports: bool = False) -> str:
        """Serve a file; return its sha256."""
        self.files[path] = content
        sha256 = hashlib.sha256(content).hexdigest()
        if reports:
            self.reported[path] = sha256
        return sha256


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            server.requests.append((self.path, asked))
            path = self.path.removeprefix(server.redirect) if server.redirect else self.path
            if path not in server.files:
                self.send_error(404)
                return
            if server.redirect and not self.path.startswith(server.redirect):
                self.send_response(302)
                self.send_header("Location", server.redirect + self.path)
                self._report(path)
                self.end_headers()
                return
            content, start = server.files[path], 0
            if asked and server.ranges:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            if not server.redirect:
                self._report(path)
            self.end_headers()
            body = content[start:] if server.cut_after is None else content[start : start + server.cut_after]
            for at in range(0, len(body), server.piece):
                self.wfile.write(body[at : at + server.piece])
                time.sleep(server.pause_s)

        def _report(self, path: str) -> None:
            if path in server.reported:
                self.send_header("X-Linked-Etag", f'"{server.reported[path]}"')

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port, until the block ends."""
    settings = Server()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(settings))
    settings.address = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield settings
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
