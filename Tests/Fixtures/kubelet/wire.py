"""A peer of the device plugin that does everything wrong: broken HTTP/2 frames, broken gRPC messages, broken protobuf.

wire.py SOCKET: prints a line for each case, `ok NAME` or `FAILED NAME: why`; after each, a proper call must be answered.
The cases are by RFC 9113, RFC 7541 and grpc/grpc doc/PROTOCOL-HTTP2.md.
"""
import random
import socket
import struct
import sys

import grpc
import hpack

PATH = sys.argv[1]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
ALLOCATE = "/v1beta1.DevicePlugin/Allocate"
# AllocateRequest{container_requests: [{devicesIDs: ["device-1"]}]}
GOOD = b"\x0a\x0a\x0a\x08device-1"


def frame(kind, flags, stream, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(path=ALLOCATE, flags=END_HEADERS, stream=1, **other):
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
              "content-type": "application/grpc", "te": "trailers"}
    fields.update({name.replace("_", "-"): value for name, value in other.items()})
    pairs = [(name, value) for name, value in fields.items() if value is not None]
    return frame(HEADERS, flags, stream, hpack.Encoder().encode(pairs))


def message(data, flag=0, length=None):
    return struct.pack(">BI", flag, len(data) if length is None else length) + data


def connect():
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(5)
    peer.connect(PATH)
    return peer


def exchange(data, close=False):
    """Sends bytes; answers what came back: (fields of the response, code of a GOAWAY, code of a RST_STREAM)."""
    peer = connect()
    fields, goaway, reset, buffer = {}, None, None, b""
    decoder = hpack.Decoder()
    try:
        peer.sendall(data)
        if close:
            return fields, goaway, reset
        while True:
            chunk = peer.recv(65536)
            if not chunk:
                break
            buffer += chunk
            while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
                size, kind, flags = int.from_bytes(buffer[:3], "big"), buffer[3], buffer[4]
                payload, buffer = buffer[9 : 9 + size], buffer[9 + size :]
                if kind == HEADERS:
                    fields.update(decoder.decode(payload))
                    if flags & END_STREAM:
                        return fields, goaway, reset
                elif kind == GOAWAY:
                    goaway = struct.unpack(">I", payload[4:8])[0]
                elif kind == RST_STREAM:
                    reset = struct.unpack(">I", payload)[0]
                    return fields, goaway, reset
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        peer.close()
    return fields, goaway, reset


def call(body, **other):
    start = PREFACE + frame(SETTINGS, 0, 0)
    if body is None:
        return exchange(start + headers(flags=END_HEADERS | END_STREAM, **other))
    return exchange(start + headers(**other) + frame(DATA, END_STREAM, 1, body))


def status(body, **other):
    return call(body, **other)[0].get("grpc-status")


def after_settings(data):
    return exchange(PREFACE + frame(SETTINGS, 0, 0) + data)


def expect(value, *allowed):
    if value not in allowed:
        raise AssertionError(f"{value!r} instead of {' or '.join(map(repr, allowed))}")


# --- HTTP/2
def garbage_instead_of_the_preface():
    exchange(random.Random(1).randbytes(4096))


def preface_in_part():
    exchange(PREFACE[:10], close=True)


def frame_in_part():
    exchange(PREFACE + frame(SETTINGS, 0, 0)[:5], close=True)


def headers_without_their_end():
    exchange(PREFACE + frame(SETTINGS, 0, 0) + headers()[:20], close=True)


def frame_that_is_too_large():
    expect(after_settings(frame(DATA, 0, 1, b"", length=1 << 20))[1], 6, 1)


def settings_of_a_wrong_size():
    expect(after_settings(frame(SETTINGS, 0, 0, b"12345"))[1], 6)


def data_on_the_connection_itself():
    expect(after_settings(frame(DATA, 0, 0, b"x"))[1], 1)


def data_on_an_idle_stream():
    expect(after_settings(frame(DATA, END_STREAM, 5, b"x"))[1], 1, 5)


def header_block_that_is_none():
    expect(after_settings(frame(HEADERS, END_HEADERS, 1, b"\xff" * 40))[1], 9)


def header_block_that_is_interrupted():
    expect(after_settings(headers(flags=0) + frame(PING, 0, 0, b"12345678"))[1], 1)


def continuation_of_nothing():
    expect(after_settings(frame(CONTINUATION, END_HEADERS, 1, b""))[1], 1)


def window_that_overflows():
    expect(after_settings(frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2)[1], 3)


def window_update_of_nothing():
    expect(after_settings(frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"))[1], 1)


def stream_that_is_reset():
    exchange(PREFACE + frame(SETTINGS, 0, 0) + headers() + frame(RST_STREAM, 0, 1, b"\0\0\0\x08"), close=True)


def stream_numbers_that_go_back():
    expect(after_settings(headers(stream=5) + headers(stream=3))[1], 1)


def random_frames():
    for seed in range(300):
        chance = random.Random(seed)
        data = PREFACE + frame(SETTINGS, 0, 0)
        for _ in range(chance.randrange(1, 8)):
            payload = chance.randbytes(chance.randrange(64))
            data += frame(chance.randrange(12), chance.randrange(256), chance.randrange(8), payload)
        exchange(data + chance.randbytes(chance.randrange(16)), close=True)


# --- gRPC
def a_call_that_is_right():
    expect(status(message(GOOD)), "0")


def no_message():
    expect(status(None), "13")
    expect(status(b""), "13")


def message_prefix_in_part():
    expect(status(b"\0\0\0"), "13")


def message_in_part():
    whole = message(GOOD)
    for size in range(1, len(whole)):
        expect(status(whole[:size]), "13")


def message_longer_than_any():
    expect(status(message(GOOD, length=0xFFFFFFFF)), "8", "13")


def two_messages_where_one_is_wanted():
    expect(status(message(GOOD) * 2), "12", "13")


def compressed_without_saying_how():
    expect(status(message(GOOD, flag=1)), "13", "12")


def compressed_in_an_unknown_way():
    expect(status(message(GOOD, flag=1), grpc_encoding="snappy"), "12")


def gzip_that_is_none():
    expect(status(message(GOOD, flag=1), grpc_encoding="gzip"), "13", "3")


def flag_that_is_none():
    expect(status(message(GOOD, flag=7)), "13")


def unknown_method():
    expect(status(message(GOOD), path="/v1beta1.DevicePlugin/Steal"), "12")


def timeout_that_is_none():
    expect(status(message(GOOD), grpc_timeout="soon"), "13", "3")


def another_content_type():
    fields = call(message(GOOD), content_type="text/plain")[0]
    if fields.get(":status") == "200" and fields.get("grpc-status") == "0":
        raise AssertionError("it was answered")


# --- protobuf
def truncated_protobuf():
    for size in range(1, len(GOOD)):
        expect(status(message(GOOD[:size])), "3")


def broken_protobuf():
    for data in [b"\x0a", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0b", b"\x00\x00", b"\x08" + b"\xff" * 11,
                 b"\x0a\x04\x0a\x02\xff\xfe", b"\x0d\x01", b"\x0a\x7f" + b"x" * 5, b"\x0f\x00"]:
        expect(status(message(data)), "3")


def mutated_protobuf():
    channel = grpc.insecure_channel(f"unix:{PATH}")
    ask = channel.unary_unary(ALLOCATE)
    for seed in range(2000):
        chance = random.Random(seed)
        data = bytearray(GOOD * chance.randrange(1, 4))
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            ask(bytes(data[: chance.randrange(len(data) + 1)]), timeout=5)
        except grpc.RpcError as error:
            expect(error.code().value[0], 3)
    channel.close()


def works():
    channel = grpc.insecure_channel(f"unix:{PATH}")
    try:
        channel.unary_unary(ALLOCATE)(GOOD, timeout=5)
    finally:
        channel.close()


CASES = [
    a_call_that_is_right, garbage_instead_of_the_preface, preface_in_part, frame_in_part, headers_without_their_end,
    frame_that_is_too_large, settings_of_a_wrong_size, data_on_the_connection_itself, data_on_an_idle_stream,
    header_block_that_is_none, header_block_that_is_interrupted, continuation_of_nothing, window_that_overflows,
    window_update_of_nothing, stream_that_is_reset, stream_numbers_that_go_back, random_frames, no_message,
    message_prefix_in_part, message_in_part, message_longer_than_any, two_messages_where_one_is_wanted,
    compressed_without_saying_how, compressed_in_an_unknown_way, gzip_that_is_none, flag_that_is_none, unknown_method,
    timeout_that_is_none, another_content_type, truncated_protobuf, broken_protobuf, mutated_protobuf,
]
for case in CASES:
    name = case.__name__.replace("_", " ")
    try:
        case()
        works()
        print("ok", name, flush=True)
    except Exception as error:
        print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
print("done", flush=True)
