"""A sink in a process of its own: answers 204 to each POST after so many milliseconds, and keeps the line if asked."""

from __future__ import annotations

import asyncio
import re
import sys

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Sink(asyncio.Protocol):
    delay = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, gap, body = self.data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if gap and len(body) >= (int(length[1]) if length else 0):
            self.data = b""
            closes = b"connection: close" in head.lower()
            asyncio.get_running_loop().call_later(self.delay, self.answer, closes)

    def answer(self, closes: bool) -> None:
        self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        if closes:
            self.transport.close()


async def main(port: int, milliseconds: int) -> None:
    Sink.delay = milliseconds / 1000
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
