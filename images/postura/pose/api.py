"""The API: GET /healthz tells that poses can be found, POST /pose finds one in a picture."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOST_BYTES = 16 << 20
PATIENCE = 8
"""Seconds that requests under way have after SIGTERM; docker stop kills after 10."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    timeout = 30
    server: Server

    def do_GET(self) -> None:
        if self.path != "/healthz":
            return self.answer(404, {"error": "no such page"})
        return self.answer(200 if self.server.well else 503, self.server.health())

    def do_POST(self) -> None:
        from pose.pictures import PictureError, decode

        if self.path != "/pose":
            return self.answer(404, {"error": "no such page"})
        if not self.server.well:
            return self.answer(503, self.server.health())
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return self.answer(413, {"error": f"expected content-length, at most {MOST_BYTES}"})
        try:
            picture = decode(self.rfile.read(int(length)))
        except PictureError as error:
            return self.answer(400, {"error": str(error)})
        return self.answer(200, {"pose": self.server.model.find(picture)})

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *words: object) -> None:
        if self.path != "/healthz":
            print(form % words, flush=True)


class Server(ThreadingHTTPServer):
    """Requests in threads of their own."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("0.0.0.0", port), Handler)
        self.model = None
        self.well = False
        self.busy = 0
        self.idle = threading.Condition()

    def load(self) -> None:
        """Load the model and look at the drawn person; well from then on."""
        from pose import figure
        from pose.landmarks import BlazePose

        self.model = BlazePose()
        self.well = self.model.find(figure.draw()) is not None
        print(f"postura listens on {self.server_port}" if self.well
              else "postura: the drawn person was not seen", flush=True)  # fmt: skip

    def health(self) -> dict:
        where = os.environ.get("POSTURA_ENV", "")
        return {"status": "ok" if self.well else "loading", "service": "postura", "env": where}

    def process_request_thread(self, request, client_address) -> None:
        with self.idle:
            self.busy += 1
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.idle:
                self.busy -= 1
                self.idle.notify_all()


def main() -> int:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    server = Server(int(os.environ.get("PORT") or 8000))

    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    # Python as process 1 ignores SIGTERM unless told
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    threading.Thread(target=server.load, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    server.socket.close()
    with server.idle:
        server.idle.wait_for(lambda: server.busy == 0, timeout=PATIENCE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
