"""Something on the kubelet's socket that is no kubelet: each connection gets the next answer that makes no sense.

hostile.py DIRECTORY: serves kubelet.sock there; prints `answered NAME` for each connection.
"""
import os
import socket
import struct
import sys

PATH = os.path.join(sys.argv[1], "kubelet.sock")


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


SETTINGS = frame(4, 0, 0)
# :status 200 and content-type, without indexing
HEADERS = b"\x88\x00\x0ccontent-type\x10application/grpc"
ANSWERS = {
    "nothing": b"",
    "garbage": bytes(range(256)) * 16,
    "HTTP/1.1": b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
    "half-a-frame": SETTINGS + frame(1, 4, 1, HEADERS)[:12],
    "goaway": SETTINGS + frame(7, 0, 0, struct.pack(">II", 0, 11)),
    "reset": SETTINGS + frame(3, 0, 1, struct.pack(">I", 2)),
    "no-status": SETTINGS + frame(1, 4, 1, HEADERS) + frame(0, 1, 1, b"\0\0\0\0\0"),
    "status-99": SETTINGS + frame(1, 5, 1, HEADERS + b"\x00\x0bgrpc-status\x0299"),
    "status-word": SETTINGS + frame(1, 5, 1, HEADERS + b"\x00\x0bgrpc-status\x02no"),
    "half-a-message": SETTINGS + frame(1, 4, 1, HEADERS) + frame(0, 0, 1, b"\0\0\0\0\x09abc")
    + frame(1, 5, 1, b"\x00\x0bgrpc-status\x010"),
    "bad-headers": SETTINGS + frame(1, 4, 1, b"\xff" * 30),
    "huge-frame": SETTINGS + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
}

if os.path.exists(PATH):
    os.unlink(PATH)
server = socket.socket(socket.AF_UNIX)
server.bind(PATH)
server.listen(16)
print("ready", flush=True)
while True:
    for name, answer in ANSWERS.items():
        peer, _ = server.accept()
        peer.settimeout(5)
        try:
            peer.recv(65536)
            peer.sendall(answer)
            # what the client still says must not turn our end into a reset that overtakes the answer
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                pass
        except OSError:
            pass
        peer.close()
        print("answered", name, flush=True)
