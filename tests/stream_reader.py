"""Reading the simulator's HTTP streams in tests: ``with OpenStream(ts, path) as stream: stream.next()``."""

import contextlib
import http.client
import json
import queue
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from tradestation_wire import PAYLOADS, TradeStation, differences


def transcript(name: str) -> list[dict[str, Any]]:
    """The objects of a published transcript; what it leaves out (…) is left out here."""
    text = (PAYLOADS / f"{name}.txt").read_text()
    lines = [each.strip() for each in text.split("⏎") if "one per strike" not in each and "{" in each]
    return [json.loads(re.sub(r"…\s*,?\s*", "", each).replace(",]", "]")) for each in lines]


def shaped(name: str, given: Any, number: int = 0) -> list[str]:
    """Where an object is not shaped as a transcript's object of this number."""
    return differences(transcript(name)[number], given)


class Ended(Exception):
    """The stream came to its end, cleanly or not (``reset``)."""

    def __init__(self, reset: bool) -> None:
        super().__init__("reset" if reset else "end of file")
        self.reset = reset


class OpenStream:
    """An open stream, read line by line in a thread of its own. ``chunks`` are the sizes in which it came."""

    def __init__(self, ts: TradeStation, path: str, version: str = "v3") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", ts.sim.port, timeout=60)
        headers = {"Authorization": str(ts.session.headers["Authorization"])}
        try:
            self.connection.request("GET", f"/tradestation/{version}/{path}", headers=headers)
            self.response = self.connection.getresponse()
        except BaseException:
            self.connection.close()
            raise
        self.status = self.response.status
        self.headers = {name.lower(): value for name, value in self.response.getheaders()}
        self.lines: queue.Queue[bytes | Ended] = queue.Queue()
        self.chunks: list[int] = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            self.thread.start()

    def _read(self) -> None:
        """Chunk by chunk, so that an end without the last chunk is told from a clean one."""
        left = b""
        try:
            while size := int(self._file().readline(), 16):
                self.chunks.append(size)
                *lines, left = (left + self._file().read(size + 2)[:size]).split(b"\n")
                for line in lines:
                    self.lines.put(line + b"\n")
            if left:
                self.lines.put(left)
            self.lines.put(Ended(reset=False))
        except (OSError, ValueError, AttributeError):
            self.lines.put(Ended(reset=True))

    def _file(self) -> Any:
        return self.response.fp

    def error(self) -> Any:
        """The body of a refusal."""
        return json.loads(self.response.read())

    def raw(self, seconds: float = 30) -> bytes:
        """The next line as it came; raises ``Ended``."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("nothing came on the stream") from None
        if isinstance(line, Ended):
            raise line
        return line

    def next(self, seconds: float = 30) -> dict[str, Any]:
        return json.loads(self.raw(seconds))

    def until(self, wanted: Callable[[dict[str, Any]], Any], seconds: float = 30) -> dict[str, Any]:
        """The next object that is wanted; those before it are passed over."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.next(max(0.01, deadline - time.monotonic()))
            if wanted(found):
                return found

    def snapshot(self) -> list[dict[str, Any]]:
        """All objects before EndSnapshot."""
        found = []
        while (each := self.next()) != {"StreamStatus": "EndSnapshot"}:
            found.append(each)
        return found

    def waiting(self, seconds: float) -> list[dict[str, Any]]:
        """Everything that comes within some seconds."""
        time.sleep(seconds)
        found = []
        while not self.lines.empty():
            found.append(self.next())
        return found

    def end(self, seconds: float = 30) -> Ended:
        """Read on to the end."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.raw(max(0.01, deadline - time.monotonic()))
            except Ended as ended:
                return ended

    def close(self) -> None:
        sock = self.connection.sock or getattr(getattr(self.response.fp, "raw", None), "_sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self.thread.ident:
            self.thread.join(5)
        self.response.close()
        self.connection.close()

    def __enter__(self) -> "OpenStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
