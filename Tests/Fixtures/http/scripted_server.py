"""An HTTP/1.1 server with faults, for tests of clients.

    scripted_server.py [--tls CERTIFICATE KEY [CLIENT_AUTHORITY]]

Prints its port. Each line of standard input replaces the script; at its end the server ends.
The script is {"METHOD /path": [step, ...]}: each request takes the next step, and the last one stays. Requests with
`watch=true` are looked up as "WATCH /path". A step:

    status, headers         of the answer (200, none)
    body                    JSON, or text when it is a string
    lines                   JSON values that are sent as lines of a chunked body, beside or after `pause`
    then                    after the body: "end" (default), "hold" until the peer closes, "cut" the connection
    authorization           anything else in that header field is answered with 401
    query                   names and values that the query must have, or the answer is 400
    select                  true: only those of the body's `items` that the query's labelSelector takes (NAME or
                            NAME=VALUE)

Without a script: /echo, /status/N, /bytes/N, /cut/N, /drip/N, /open, /hang, /interim, and /_log, which lists the
requests and how they ended.
"""

import json
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

script, used, log, lock = {}, {}, [], threading.Lock()


def selected(body, selector):
    """A list with the items that have the label of the selector; "" takes all."""
    name, _, value = selector.partition("=")

    def takes(item):
        labels = item.get("metadata", {}).get("labels", {})
        return not selector or (name in labels and value in ("", labels[name]))

    return {**body, "items": [item for item in body["items"] if takes(item)]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle_any(self):
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        entry = {
            "method": self.command, "path": url.path, "query": query, "body": body.decode("utf-8", "replace"),
            "authorization": self.headers.get("authorization"), "contentType": self.headers.get("content-type"),
            "connection": self.client_address[1],
        }
        if url.path == "/_log":
            with lock:
                return self.answer(200, {"requests": log})
        with lock:
            log.append(entry)
            verb = "WATCH" if query.get("watch") == "true" else self.command
            steps = script.get(f"{verb} {url.path}")
            if steps:
                index = used.get(f"{verb} {url.path}", 0)
                used[f"{verb} {url.path}"] = index + 1
        if steps:
            return self.play(steps[min(index, len(steps) - 1)], query, entry)
        self.built_in(url.path, query, body, entry)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

    def play(self, step, query, entry):
        if "authorization" in step and step["authorization"] != self.headers.get("authorization"):
            return self.failure(401, "Unauthorized", "Unauthorized")
        for name, value in step.get("query", {}).items():
            if query.get(name) != value:
                return self.failure(400, "BadRequest", f"{name} is {query.get(name)!r} and not {value!r}")
        if "lines" not in step and step.get("then", "end") == "end":
            body = step.get("body", {})
            if step.get("select"):
                body = selected(body, query.get("labelSelector", ""))
            return self.answer(step.get("status", 200), body, step.get("headers", {}))
        self.begin(step.get("status", 200), step.get("headers", {}))
        for line in step.get("lines", []):
            self.chunk(line.encode() if isinstance(line, str) else json.dumps(line).encode() + b"\n")
        self.finish(step.get("then", "end"), entry)

    def built_in(self, path, query, body, entry):
        word, _, rest = path[1:].partition("/")
        if word == "echo":
            certificate = getattr(self.connection, "getpeercert", dict)() or {}
            self.answer(200, {
                "method": self.command, "path": self.path, "body": body.decode("utf-8", "replace"),
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "client": [value for part in certificate.get("subject", []) for _, value in part],
            }, {"X-Twice": "a", "x-empty": ""})
        elif word == "status":
            self.answer(int(rest), f"status {rest}")
        elif word == "bytes":
            self.answer(200, "x" * int(rest))
        elif word == "cut":
            self.send_response(200)
            self.send_header("Content-Length", rest)
            self.end_headers()
            self.wfile.write(b"x" * (int(rest) // 2))
            self.wfile.flush()
            self.close_connection = True
        elif word == "drip":
            self.begin(200)
            for index in range(int(rest)):
                self.chunk(f"chunk {index}\n".encode())
            self.finish("end", entry)
        elif word == "open":
            self.begin(200, {"X-Open": "yes"})
            self.chunk(b"open\n")
            self.finish("hold", entry)
        elif word == "hang":
            self.hold(entry)
        elif word == "interim":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
            self.answer(200, "final", {"X-Final": "yes"})
        else:
            self.failure(404, "NotFound", "the server could not find the requested resource")

    def failure(self, status, reason, message):
        self.answer(status, {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason,
            "message": message})

    def answer(self, status, body, headers={}):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(data)

    def begin(self, status, headers={}):
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def finish(self, then, entry):
        if then == "end":
            self.wfile.write(b"0\r\n\r\n")
        elif then == "hold":
            self.hold(entry)
        else:
            self.close_connection = True
        with lock:
            entry.setdefault("ended", then)

    def hold(self, entry):
        try:
            while self.connection.recv(1):
                pass
        except OSError:
            pass
        with lock:
            entry["ended"] = "closed by peer"
        self.close_connection = True

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def main():
    server = Server(("127.0.0.1", 0), Handler)
    if sys.argv[1:2] == ["--tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        if len(sys.argv) > 4:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(sys.argv[4])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    for line in sys.stdin:
        with lock:
            script.clear()
            script.update(json.loads(line))
            used.clear()
        print("ready", flush=True)
    os._exit(0)


main()
