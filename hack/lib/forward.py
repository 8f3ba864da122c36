"""Makes a port of another network namespace reachable at the same port of this one's loopback.

usage: forward.py PID PORT

PID is a process of the other namespace. The listening socket belongs to the namespace that this program was started in,
each connection onwards to the other: a socket stays where it was made.
"""

import asyncio
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
CHUNK = 1 << 16


def enter_network_of(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{pid}/ns/net", "rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), f"/proc/{pid}/ns/net")


async def copy(reader, writer):
    """Hands on everything and then the end of it."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except ConnectionError:
        writer.transport.abort()


async def main(pid, port):
    listener = socket.create_server(("127.0.0.1", port))
    enter_network_of(pid)

    async def serve(reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(copy(reader, back), copy(there, writer))
        back.close()
        writer.close()

    async with await asyncio.start_server(serve, sock=listener) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
