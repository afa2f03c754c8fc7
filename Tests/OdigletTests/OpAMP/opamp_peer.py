"""An agent by OpenTelemetry's own OpAMP library for Python (`opentelemetry-opamp-client`), for tests.

    opamp_peer.py unix SOCKET | tcp HOST:PORT

For each line of standard input, a JSON object {"do": ...}, it sends one message, and prints the answer as JSON:
{"status", "flags", "error", "config": {section: text}, "hash", "interval", "uid", "new_uid"}.
"""
import gzip
import http.client
import json
import socket
import sys

from opentelemetry._opamp.client import OpAMPClient
from opentelemetry._opamp.proto import opamp_pb2
from opentelemetry._opamp.transport.base import HttpTransport

KIND, ADDRESS = sys.argv[1:]


class Connection(http.client.HTTPConnection):
    def connect(self):
        if KIND == "tcp":
            super().connect()
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(ADDRESS)


class Transport(HttpTransport):
    def __init__(self):
        self.connection = Connection(ADDRESS if KIND == "tcp" else "localhost", timeout=20)
        self.compresses = False
        self.status = None

    def send(self, *, url, headers, data, **_):
        headers = dict(headers)
        if self.compresses:
            data = gzip.compress(data)
            headers["Content-Encoding"] = "gzip"
        self.connection.request("POST", "/v1/opamp", data, headers)
        response = self.connection.getresponse()
        self.status = response.status
        body = response.read()
        message = opamp_pb2.ServerToAgent()
        if response.headers["content-type"] == "application/x-protobuf":
            message.ParseFromString(body)
        return message


def answer(message, transport):
    config = message.remote_config
    return {
        "status": transport.status, "flags": message.flags, "error": message.error_response.error_message,
        "config": {name: file.body.decode() for name, file in config.config.config_map.items()},
        "hash": config.config_hash.hex(), "uid": message.instance_uid.hex(),
        "interval": message.connection_settings.opamp.heartbeat_interval_seconds,
        "endpoint": message.connection_settings.opamp.destination_endpoint,
        "capabilities": message.capabilities, "new_uid": message.agent_identification.new_instance_uid.hex(),
    }


def encoded(client, request):
    do = request["do"]
    if do == "garbage":
        return bytes.fromhex(request["bytes"])
    if do == "heartbeat":
        return client.build_heartbeat_message()
    if do == "disconnect":
        return client.build_agent_disconnect_message()
    if do == "applied":
        status = client.update_remote_config_status(
            bytes.fromhex(request["hash"]), opamp_pb2.RemoteConfigStatuses.RemoteConfigStatuses_APPLIED)
        return client.build_remote_config_status_response_message(status)
    message = opamp_pb2.AgentToServer()
    message.ParseFromString(client.build_full_state_message())
    if do == "health":
        message.ClearField("agent_description")
    message.health.healthy = request.get("healthy", True)
    message.health.last_error = request.get("error", "")
    return message.SerializeToString()


client = None
transport = Transport()
for line in sys.stdin:
    request = json.loads(line)
    if client is None or "attributes" in request:
        more = 0x100 | 0x800 if request.get("takes_interval", True) else 0
        client = OpAMPClient(
            endpoint="http://localhost/v1/opamp", transport=transport, capabilities=0x1 | 0x2 | 0x4 | 0x1000 | 0x2000 | more,
            agent_identifying_attributes=request.get("attributes", {}))
    transport.compresses = request.get("gzip", False)
    print(json.dumps(answer(client.send(encoded(client, request)), transport)), flush=True)
