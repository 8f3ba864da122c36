"""The outside world of the egress path: a DNS server, and HTTPS servers on every address of the namespace."""

import contextlib
import http.server
import json
import queue
import socket
import ssl
import struct
import threading

import http2_host


class DnsServer:
    """Answers A and AAAA queries from `names`, a dict of name -> list of addresses; a callable there is asked for the list
    each time. Other names do not exist. `queries` are the names that were asked for."""

    def __init__(self, address="127.0.0.1", port=53):
        self.names = {}
        self.queries = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                query, client = self._socket.recvfrom(4096)
            except OSError:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += query[at] + 1
        question = query[12 : at + 5]
        name = ".".join(labels).lower()
        self.queries.append(name)
        addresses = self.names.get(name)
        missing = addresses is None
        kind = struct.unpack("!H", query[at + 1 : at + 3])[0]
        addresses = addresses() if callable(addresses) else addresses or []
        packed = [socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
                  for address in addresses]
        answers = [data for data in packed if len(data) == {1: 4, 28: 16}.get(kind)]
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(data)) + data for data in answers)
        header = query[:2] + struct.pack("!HHHHH", 0x8183 if missing else 0x8180, 1, len(answers), 0, 0)
        return header + question + records


class Stream:
    """A response that is sent in pieces, when the test has them."""

    def __init__(self):
        self._pieces = queue.Queue(maxsize=8)

    def send(self, piece):
        self._pieces.put(piece)

    def end(self):
        self._pieces.put(None)

    def pieces(self):
        return iter(self._pieces.get, None)


class HttpsHosts:
    """One HTTPS server for every host and address. `requests` are what reached it, with the address and the TLS name. Those
    of `http2` speak HTTP/2 and nothing else."""

    def __init__(self, ports, certificates, http2=()):
        self.requests = []
        self.accepted = []  # the address of each connection
        self.connections = []  # (address, TLS name) of each handshake
        self.responses = {}  # path -> (status, headers, body)
        self.streams = {}  # path -> Stream
        self.services = {}  # TLS name -> a function of the request that returns what stands in responses, or None
        self._contexts = {}
        self._default = next(iter(certificates.values()))
        for name, (certificate, key) in certificates.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            if name in http2:
                context.set_alpn_protocols(["h2"])
            self._contexts[name] = context
        self._context = self._first_context()
        self._servers = [self._start(port) for port in ports]

    def close(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @contextlib.contextmanager
    def disguised(self, name, certificate, key):
        """The host shows another certificate within a with statement."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        honest = self._contexts[name]
        self._contexts[name] = context
        try:
            yield
        finally:
            self._contexts[name] = honest

    @contextlib.contextmanager
    def outdated(self):
        """Every host speaks TLS 1.1 and nothing later within a with statement."""
        self._context.set_ciphers("ALL:@SECLEVEL=0")
        self._context.minimum_version = self._context.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            yield
        finally:
            self._context = self._first_context()

    def _first_context(self):
        """Of every connection, until it has told the name of the host."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._default)
        context.sni_callback = self._choose
        return context

    def _choose(self, tls, name, _):
        tls.stockade_name = name
        self.connections.append((tls.getsockname()[0], name))
        context = self._contexts.get(name) or self._contexts.get("*." + (name or "").partition(".")[2])
        if context is not None:
            tls.context = context

    def _start(self, port):
        hosts = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def handle(self):
                self.request.do_handshake()
                if self.request.selected_alpn_protocol() == "h2":
                    http2_host.serve(self.request, hosts)
                else:
                    super().handle()

            def answer(self):
                size = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(size)
                if len(body) < size:  # cut off: no request
                    self.close_connection = True
                    return
                if self.headers.get("transfer-encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                seen = {
                    "address": self.request.getsockname()[0],
                    "server_name": getattr(self.request, "stockade_name", None),
                    "method": self.command,
                    "path": self.path,
                    "headers": [[key.lower(), value] for key, value in self.headers.items()],
                    "body": body.decode(errors="replace"),
                }
                hosts.requests.append(seen)
                service = hosts.services.get(seen["server_name"])
                answer = service({**seen, "raw": body}) if service else None
                if answer and answer[0] == 101:
                    self.upgrade(answer[1])
                    return
                if self.path in hosts.streams:
                    self.stream(hosts.streams[self.path])
                    return
                status, headers, text = answer or hosts.responses.get(self.path, (200, {}, json.dumps(seen)))
                payload = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def upgrade(self, headers):
                self.send_response(101)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.end_headers()
                self.close_connection = True
                self.wfile.write(self.connection.recv(65536))  # says once what it is told

            def stream(self, events):
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for piece in events.pieces():
                    self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def get_request(self):
                connection, client = super().get_request()
                hosts.accepted.append(connection.getsockname()[0])
                wrapped = hosts._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                return wrapped, client

        server = Server(("0.0.0.0", port), Handler)
        server.handle_error = lambda *_: None  # clients that break off are the point
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server
