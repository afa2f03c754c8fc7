"""An OTLP endpoint for the tests of agents, and what its requests say."""
import gzip
import http.server
import select
import socket
import threading


def fields(data):
    """The fields of a protobuf message: (number, value) in order, value an int or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(tag & 7) or varint()
        assert at + size <= len(data), "the message is cut off"
        yield tag >> 3, data[at:at + size]
        at += size


def first(data, number, default=b""):
    return next((value for field, value in fields(data) if field == number), default)


def all_of(data, number):
    return [value for field, value in fields(data) if field == number]


def spans(request):
    """The spans of an ExportTraceServiceRequest, as dictionaries."""
    for resource_spans in all_of(request, 1):
        resource = {first(a, 1).decode(): first(first(a, 2), 1) for a in all_of(first(resource_spans, 1), 1)}
        for scope_spans in all_of(resource_spans, 2):
            for span in all_of(scope_spans, 2):
                yield {"trace": first(span, 1), "id": first(span, 2), "parent": first(span, 4),
                       "name": first(span, 5).decode(), "kind": first(span, 6, 0),
                       "library": first(first(scope_spans, 1), 1).decode(),
                       "attributes": {first(a, 1).decode(): first(a, 2) for a in all_of(span, 9)},
                       "error": first(first(span, 15), 3, 0) == 2, "resource": resource}


def body_of(handler):
    """The body of a request, in one piece or in chunks."""
    if "Content-Length" in handler.headers:
        return handler.rfile.read(int(handler.headers["Content-Length"]))
    body, size = b"", None
    while size != 0:
        size = int(handler.rfile.readline(), 16)
        body += handler.rfile.read(size + 2)[:size]
    return body


class HearsOut:
    """For a server of `socketserver` with threads. Programs end without waiting long for their last answer, and a busy
    machine may not have come to their request then: `hear_out` ends the server when all that was sent is handled."""

    request_queue_size = 128

    def process_request(self, request, address):
        thread = threading.Thread(target=self.process_request_thread, args=(request, address), daemon=True)
        vars(self).setdefault("handling", []).append((thread, request))
        thread.start()

    def handle_error(self, *_):
        pass  # a program that went without waiting for its answer

    def hear_out(self):
        self.shutdown()
        while select.select([self.socket], [], [], 0)[0]:
            self.handle_request()
        for thread, request in vars(self).get("handling", []):
            try:
                request.shutdown(socket.SHUT_RD)  # who keeps a connection; what has arrived can still be read
            except OSError:
                pass
            thread.join()
        self.server_close()


class HTTPServer(HearsOut, http.server.ThreadingHTTPServer):
    pass


class Sink:
    """Keeps what it is sent; other requests get a text."""

    def __init__(self, answer=200):
        self.answer, self.spans, self.failures, self.parents, self.requests = answer, [], [], [], []

    def receive(self, path, body):
        assert path == "/v1/traces", path
        self.spans += spans(body)

    def __enter__(self):
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                sink.parents.append(self.headers.get("traceparent"))
                self.answer(200, b"hello")

            def do_POST(self):
                body = body_of(self)
                sink.requests.append(self.path)
                try:
                    if self.headers.get("Content-Encoding") == "gzip":
                        body = gzip.decompress(body)
                    assert self.headers["Content-Type"] == "application/x-protobuf", self.headers["Content-Type"]
                    sink.receive(self.path, body)
                except Exception as error:
                    sink.failures.append(repr(error))
                self.answer(sink.answer, b"")

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.hear_out()
