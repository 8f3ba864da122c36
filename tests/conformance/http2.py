"""Just enough HTTP/2 to send what no library would: frames as bytes, and headers as HPACK literals (RFC 9113, 7541)."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4

# Static table, the entries of :status that a first header field may be.
_STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
_HUFFMAN_DIGITS = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5",
                   "011100": "6", "011101": "7", "011110": "8", "011111": "9"}


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def _length(size):
    if size < 127:
        return bytes([size])
    out, size = bytes([127]), size - 127
    while size >= 128:
        out, size = out + bytes([size % 128 + 128]), size // 128
    return out + bytes([size])


def block(fields, indexed=False):
    """A header block; each field is a literal that no table remembers or, with `indexed`, that the table does."""
    out = b""
    for name, value in fields:
        name, value = (text if isinstance(text, bytes) else text.encode() for text in (name, value))
        out += (b"\x40" if indexed else b"\x00") + _length(len(name)) + name + _length(len(value)) + value
    return out


def request(authority, path="/", method="GET", extra=(), scheme="https"):
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *extra]


def _status(payload):
    """The first field of a response's header block, which is its status."""
    while payload[0] & 0xE0 == 0x20:  # a new size of the table
        payload = payload[1:]
    if payload[0] & 0x80:
        return _STATUS[payload[0] & 0x7F]
    size, text = payload[1], payload[2 : 2 + (payload[1] & 0x7F)]
    if not size & 0x80:
        return int(text)
    bits, digits = "".join(f"{byte:08b}" for byte in text), ""
    while len(digits) < 3:
        code = next(bits[:width] for width in (5, 6) if bits[:width] in _HUFFMAN_DIGITS)
        digits, bits = digits + _HUFFMAN_DIGITS[code], bits[len(code) :]
    return int(digits)


class Connection:
    """A client's end of an HTTP/2 connection over a TLS socket. The peer may keep no table of headers."""

    def __init__(self, tls, settings=b"\x00\x01\x00\x00\x00\x00"):
        self._tls = tls
        self._data = b""
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def send(self, data):
        self._tls.sendall(data)

    def frames(self):
        """Yields (kind, flags, stream, payload) until the connection ends."""
        while True:
            while len(self._data) >= 9:
                size = int.from_bytes(self._data[:3], "big")
                if len(self._data) < 9 + size:
                    break
                kind, flags = self._data[3], self._data[4]
                stream = struct.unpack("!I", self._data[5:9])[0] & 0x7FFFFFFF
                payload, self._data = self._data[9 : 9 + size], self._data[9 + size :]
                yield kind, flags, stream, payload
            try:
                more = self._tls.recv(65536)
            except TimeoutError:
                raise
            except OSError:
                return
            if not more:
                return
            self._data += more

    def outcome(self, stream=1):
        """What becomes of a stream: its status, "reset", or, of its connection, "goaway" or "closed"."""
        for kind, flags, of, payload in self.frames():
            if kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == HEADERS and of == stream:
                return _status(payload)
            elif kind == RST_STREAM and of == stream:
                return "reset"
            elif kind == GOAWAY and int.from_bytes(payload[4:8], "big") != 0:
                return "goaway"
        return "closed"
