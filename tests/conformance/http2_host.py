"""A host that speaks HTTP/2: one connection of it, by the library h2."""

import json

import h2.config
import h2.connection
import h2.events


class Requests:
    """What comes on one connection. `answer(request)` is asked for (status, headers, body) once a request has ended; its
    headers are a list of [name, value], with those that begin with a colon, and its trailers another."""

    def __init__(self, tls, answer):
        self._tls, self._answer = tls, answer
        self._connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._open, self._unsent = {}, {}

    def serve(self):
        """Until the peer ends the connection."""
        self._connection.initiate_connection()
        self._flush()
        while data := self._tls.recv(65536):
            for event in self._connection.receive_data(data):
                self._take(event)
            for stream in list(self._unsent):
                self._send(stream)
            self._flush()

    def _take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self._open[event.stream_id] = {"headers": [list(pair) for pair in event.headers], "trailers": [], "body": b""}
        elif isinstance(event, h2.events.TrailersReceived):
            self._open[event.stream_id]["trailers"] = [list(pair) for pair in event.headers]
        elif isinstance(event, h2.events.DataReceived):
            self._open[event.stream_id]["body"] += event.data
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._begin(event.stream_id, self._open.pop(event.stream_id))
        elif isinstance(event, h2.events.StreamReset):
            self._open.pop(event.stream_id, None)
            self._unsent.pop(event.stream_id, None)

    def _begin(self, stream, request):
        status, headers, body = self._answer(request)
        self._connection.send_headers(stream, [(":status", str(status)), *headers.items()])
        self._unsent[stream] = body if isinstance(body, bytes) else body.encode()

    def _send(self, stream):
        """As much of the body as the peer has room for."""
        body = self._unsent[stream]
        while body:
            room = min(self._connection.local_flow_control_window(stream), self._connection.max_outbound_frame_size)
            if room == 0:
                self._unsent[stream] = body
                return
            self._connection.send_data(stream, body[:room])
            body = body[room:]
        self._connection.end_stream(stream)
        del self._unsent[stream]

    def _flush(self):
        self._tls.sendall(self._connection.data_to_send())


def serve(tls, hosts):
    """A host that tells what it got, or answers what stands in `hosts.responses` for a path."""

    def answer(request):
        fields = dict(request["headers"])
        seen = {
            "address": tls.getsockname()[0],
            "server_name": tls.stockade_name,
            "method": fields[":method"],
            "path": fields[":path"],
            "headers": request["headers"],
            "trailers": request["trailers"],
            "body": request["body"].decode(errors="replace"),
        }
        hosts.requests.append(seen)
        return hosts.responses.get(seen["path"], (200, {}, json.dumps(seen)))

    Requests(tls, answer).serve()
