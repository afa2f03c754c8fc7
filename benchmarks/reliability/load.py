#!/usr/bin/env python3
"""Creates pods (dry run) at the API server as fast as it takes them, and counts those that come back without agents.

usage: load.py --namespace NAMESPACE --pod FILE --seconds S [--connections N] [--rate PER_SECOND]

Reads the API server and the administrator's certificate from KUBECONFIG. Nothing is stored: every creation is a dry
run, which goes through admission all the same. Prints one JSON object.
"""
import argparse
import base64
import http.client
import json
import os
import ssl
import tempfile
import threading
import time
import urllib.parse

import yaml

LABEL = b'"odigos.io/agents-meta-hash"'


class Connection:
    """One keep-alive connection of the administrator."""

    def __init__(self, kubeconfig):
        with open(kubeconfig, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = urllib.parse.urlparse(cluster["server"])
        self.context = ssl.create_default_context(cadata=pem(cluster, "certificate-authority").decode())
        self.token = user.get("token")
        if not self.token:
            with tempfile.NamedTemporaryFile() as file:
                file.write(pem(user, "client-certificate") + b"\n" + pem(user, "client-key"))
                file.flush()
                self.context.load_cert_chain(file.name)
        self.open()

    def open(self):
        self.connection = http.client.HTTPSConnection(
            self.address.hostname, self.address.port, context=self.context, timeout=30)

    def post(self, path, body):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        return response.status, response.read()


def pem(section, name):
    """The certificate or key of a kubeconfig's section, from a file or from the text itself."""
    if f"{name}-data" in section:
        return base64.b64decode(section[f"{name}-data"])
    with open(section[name], "rb") as file:
        return file.read()


class Load:
    def __init__(self, arguments):
        with open(arguments.pod, "rb") as file:
            self.body = file.read()
        self.path = f"/api/v1/namespaces/{arguments.namespace}/pods?dryRun=All"
        self.arguments = arguments
        self.lock = threading.Lock()
        self.latencies, self.plain, self.errors = [], [], []
        self.begin = self.end = time.monotonic()

    def run(self):
        connections = [Connection(os.environ["KUBECONFIG"]) for _ in range(self.arguments.connections)]
        self.begin = time.monotonic()
        self.end = self.begin + self.arguments.seconds
        threads = [threading.Thread(target=self.work, args=(c,)) for c in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.report(time.monotonic() - self.begin)

    def work(self, connection):
        latencies, plain, errors = [], [], []
        interval = self.arguments.connections / self.arguments.rate if self.arguments.rate else 0
        due = time.monotonic()
        while (now := time.monotonic()) < self.end:
            if interval:
                if now < due:
                    time.sleep(due - now)
                due += interval
            start = time.monotonic()
            at = round(start - self.begin, 2)
            try:
                status, body = connection.post(self.path, self.body)
            except (OSError, http.client.HTTPException) as error:
                # the API server closed the connection: that is no admission, but it must be seen
                errors.append((at, repr(error)))
                connection.open()
                continue
            latencies.append(time.monotonic() - start)
            if status != 201:
                errors.append((at, f"{status}: {body[:200].decode(errors='replace')}"))
            elif LABEL not in body:
                plain.append(at)
        with self.lock:
            self.latencies += latencies
            self.plain += plain
            self.errors += errors

    def report(self, seconds):
        ordered = sorted(self.latencies) or [0]

        def quantile(share):
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2)

        return {
            "creations": len(self.latencies),
            "rate": round(len(self.latencies) / seconds, 1),
            "withoutAgents": len(self.plain),
            "withoutAgentsAt": self.plain[:20],
            "errors": len(self.errors),
            "firstErrors": self.errors[:5],
            "p50ms": quantile(0.5),
            "p99ms": quantile(0.99),
            "maxms": round(ordered[-1] * 1000, 2),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--pod", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--rate", type=float, default=0, help="creations a second at most; 0 as fast as they are taken")
    print(json.dumps(Load(parser.parse_args()).run()))


if __name__ == "__main__":
    main()
