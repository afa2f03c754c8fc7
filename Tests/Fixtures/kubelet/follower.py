"""A process that is no kubelet and follows the devices of a plugin, as a debugging tool does.

follower.py SOCKET: opens ListAndWatch there; prints `follows` when devices have come, `ended` when the stream is over.
"""
import sys
import time

import grpc

channel = grpc.insecure_channel(f"unix:{sys.argv[1]}")
stream = channel.unary_stream("/v1beta1.DevicePlugin/ListAndWatch")(b"")
try:
    for _ in stream:
        print("follows", flush=True)
except grpc.RpcError:
    pass
print("ended", flush=True)
while True:
    time.sleep(60)
