"""A kubelet's side of the device plugin API, as the kubelet's device manager plays it.

kubelet.py DIRECTORY: empties the directory of sockets, serves kubelet.sock there, and calls every plugin that registers.
What happens is printed, a line each; commands come on standard input:
  refuse COUNT         answer the next COUNT registrations with an error, from when it has said `refusing`
  allocate JSON        call Allocate with a list of lists of device ids; prints the answer or the error
  prefer JSON          call GetPreferredAllocation with [[available, required, size], ...]
  prestart JSON        call PreStartContainer with a list of device ids
  raw METHOD HEX       call a method with these bytes
  health SERVICE       call Check of the plugin's gRPC health service; SERVICE may be left out
  watch-health         call Watch of it, and print each status
  leave                close the connection to the plugin, as a kubelet that lost interest
  deaf                 from when it has said `deaf` accept registrations, and call nobody
  follow               call the plugin that registered last
  quit                 end without cleaning up, as a kubelet that is killed
"""
import json
import os
import stat
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1/api.proto: name, number, type; * marks repeated ones, {} string maps
MESSAGES = {
    "DevicePluginOptions": "pre_start_required 1 bool, get_preferred_allocation_available 2 bool",
    "RegisterRequest": "version 1 string, endpoint 2 string, resource_name 3 string, options 4 DevicePluginOptions",
    "Empty": "",
    "ListAndWatchResponse": "devices 1 *Device",
    "TopologyInfo": "nodes 1 *NUMANode",
    "NUMANode": "ID 1 int64",
    "Device": "ID 1 string, health 2 string, topology 3 TopologyInfo",
    "PreStartContainerRequest": "devicesIDs 1 *string",
    "PreStartContainerResponse": "",
    "PreferredAllocationRequest": "container_requests 1 *ContainerPreferredAllocationRequest",
    "ContainerPreferredAllocationRequest": "available_deviceIDs 1 *string, must_include_deviceIDs 2 *string, "
    "allocation_size 3 int32",
    "PreferredAllocationResponse": "container_responses 1 *ContainerPreferredAllocationResponse",
    "ContainerPreferredAllocationResponse": "deviceIDs 1 *string",
    "AllocateRequest": "container_requests 1 *ContainerAllocateRequest",
    "ContainerAllocateRequest": "devicesIDs 1 *string",
    "AllocateResponse": "container_responses 1 *ContainerAllocateResponse",
    "ContainerAllocateResponse": "envs 1 {}, mounts 2 *Mount, devices 3 *DeviceSpec, annotations 4 {}, "
    "cdi_devices 5 *CDIDevice",
    "CDIDevice": "name 1 string",
    "Mount": "container_path 1 string, host_path 2 string, read_only 3 bool",
    "DeviceSpec": "container_path 1 string, host_path 2 string, permissions 3 string",
}


def load():
    scalar = descriptor_pb2.FieldDescriptorProto
    types = {"bool": scalar.TYPE_BOOL, "string": scalar.TYPE_STRING, "int32": scalar.TYPE_INT32, "int64": scalar.TYPE_INT64}
    file = descriptor_pb2.FileDescriptorProto(name="api.proto", package="v1beta1", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in filter(None, fields.split(", ")):
            label, number, kind = field.split()
            entry = message.field.add(name=label, number=int(number), label=scalar.LABEL_OPTIONAL)
            if kind.startswith("*"):
                entry.label, kind = scalar.LABEL_REPEATED, kind[1:]
            if kind == "{}":
                entry.label = scalar.LABEL_REPEATED
                nested = message.nested_type.add(name=label.title() + "Entry")
                nested.options.map_entry = True
                nested.field.add(name="key", number=1, type=scalar.TYPE_STRING, label=scalar.LABEL_OPTIONAL)
                nested.field.add(name="value", number=2, type=scalar.TYPE_STRING, label=scalar.LABEL_OPTIONAL)
                kind = f"{name}.{nested.name}"
            if kind in types:
                entry.type = types[kind]
            else:
                entry.type, entry.type_name = scalar.TYPE_MESSAGE, f".v1beta1.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"v1beta1.{name}")) for name in MESSAGES}


api = load()
directory = sys.argv[1]
plugin = None
refusals = 0
hears = True


def say(*words):
    print(" ".join(map(str, words)).strip(), flush=True)


def call(method, request, response):
    return plugin.unary_unary(
        f"/v1beta1.DevicePlugin/{method}",
        request_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
        response_deserializer=api[response].FromString,
    )(request, timeout=5)


def follow(channel):
    options = call("GetDevicePluginOptions", api["Empty"](), "DevicePluginOptions")
    say("options", options.pre_start_required, options.get_preferred_allocation_available)
    stream = channel.unary_stream(
        "/v1beta1.DevicePlugin/ListAndWatch",
        request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=api["ListAndWatchResponse"].FromString,
    )(api["Empty"]())
    try:
        for update in stream:
            healthy = sum(device.health == "Healthy" for device in update.devices)
            say("devices", len(update.devices), healthy, update.devices[0].ID if update.devices else "-")
        say("stream ended")
    except grpc.RpcError as error:
        say("stream broke", error.code().name)


HEALTH = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


def health_status(data):
    """The field `status` of a grpc.health.v1.HealthCheckResponse."""
    return HEALTH[data[1] if data else 0]


def check_health(service):
    name = service.encode()
    request = b"\x0a" + bytes([len(name)]) + name if name else b""
    try:
        say("health", health_status(plugin.unary_unary("/grpc.health.v1.Health/Check")(request, timeout=5)))
    except grpc.RpcError as error:
        say("health error", error.code().value[0], error.details())


def watch_health():
    try:
        for update in plugin.unary_stream("/grpc.health.v1.Health/Watch")(b""):
            say("now", health_status(update))
    except grpc.RpcError as error:
        say("watch broke", error.code().name)


def register(request, context):
    global plugin, refusals
    if refusals:
        refusals -= 1
        say("refused")
        context.abort(grpc.StatusCode.UNKNOWN, "not now")
    path = os.path.join(directory, request.endpoint)
    # kubelets before 1.26 send the socket's path as the authority
    plugin = grpc.insecure_channel(f"unix:{path}", [("grpc.default_authority", path)])
    say("registered", request.version, request.endpoint, request.resource_name)
    if hears:
        threading.Thread(target=follow, args=[plugin], daemon=True).start()
    return api["Empty"]()


def perform(line):
    global refusals, plugin, hears
    command, _, rest = line.strip().partition(" ")
    if command == "refuse":
        refusals = int(rest)
        say("refusing", rest)
    elif command == "health":
        check_health(rest)
    elif command == "watch-health":
        threading.Thread(target=watch_health, daemon=True).start()
    elif command == "leave":
        plugin.close()
    elif command == "deaf":
        hears = False
        say("deaf")
    elif command == "follow":
        threading.Thread(target=follow, args=[plugin], daemon=True).start()
    elif command == "quit":
        os._exit(0)
    else:
        if command == "raw":
            method, data = rest.split()
            method, request, response = method, bytes.fromhex(data), "Empty"
        elif command == "allocate":
            containers = [api["ContainerAllocateRequest"](devicesIDs=ids) for ids in json.loads(rest)]
            method, response = "Allocate", "AllocateResponse"
            request = api["AllocateRequest"](container_requests=containers)
        elif command == "prefer":
            containers = [
                api["ContainerPreferredAllocationRequest"](
                    available_deviceIDs=available, must_include_deviceIDs=required, allocation_size=size)
                for available, required, size in json.loads(rest)
            ]
            method, response = "GetPreferredAllocation", "PreferredAllocationResponse"
            request = api["PreferredAllocationRequest"](container_requests=containers)
        else:
            method, response = "PreStartContainer", "PreStartContainerResponse"
            request = api["PreStartContainerRequest"](devicesIDs=json.loads(rest))
        try:
            say("answer", str(call(method, request, response)).replace("\n", " ").strip())
        except grpc.RpcError as error:
            say("error", error.code().value[0], error.details())


for name in os.listdir(directory):
    if stat.S_ISSOCK(os.lstat(os.path.join(directory, name)).st_mode):
        os.unlink(os.path.join(directory, name))
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers(
    (grpc.method_handlers_generic_handler("v1beta1.Registration", {"Register": grpc.unary_unary_rpc_method_handler(
        register, api["RegisterRequest"].FromString, lambda m: m.SerializeToString())}),))
server.add_insecure_port(f"unix:{directory}/kubelet.sock")
server.start()
say("ready")
for line in sys.stdin:
    perform(line)
os._exit(0)
