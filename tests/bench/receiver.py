"""A webhook receiver in a process of its own: tells, line by line, when the first byte of each delivery came."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request per connection, as the product sends them. The line: `<seconds since 1970> <delivery's key>`."""
    first = await reader.read(1)
    came = time.time()
    head = first + await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1]) if length else 0)
    writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()
    print(f"{came:.6f} {json.loads(body)['data']['key']}", flush=True)


async def main(port: int) -> None:
    server = await asyncio.start_server(receive, "127.0.0.1", port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
