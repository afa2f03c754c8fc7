"""What the webhook asks of an API server, and pods of 4, 12 and 60 KB, for measuring it alone.

api.py serve PORT       answers lists and watches with one opted-in workload; everything else is empty
api.py review 4|12|60   writes an AdmissionReview of one of its pods, of about so many KB, to standard output
"""

import http.server
import json
import sys
import threading
import time
import urllib.parse

CONFIGURATION = "mountMethod: k8s-virtual-device\n"
OBJECTS = {
    "instrumentationconfigs": [
        {
            "apiVersion": "odigos.io/v1alpha1",
            "kind": "InstrumentationConfig",
            "metadata": {"name": "deployment-checkout-api", "namespace": "shop", "resourceVersion": "1", "uid": "c-1"},
            "spec": {
                "serviceName": "checkout",
                "agentInjectionEnabled": True,
                "agentsMetaHash": "0123456789abcdef",
                "containers": [
                    {
                        "containerName": "app",
                        "agentEnabled": True,
                        "agentEnabledReason": "EnabledSuccessfully",
                        "otelDistroName": "python-community",
                        "envInjectionMethod": "pod-manifest",
                    }
                ],
            },
            "status": {
                "runtimeDetailsByContainer": [
                    {"containerName": "app", "language": "python", "runtimeVersion": "3.11.2"}
                ]
            },
        }
    ],
    "configmaps": [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "effective-config", "namespace": "odigos-system", "resourceVersion": "1"},
            "data": {"config.yaml": CONFIGURATION},
        }
    ],
    "collectorsgroups": [
        {
            "apiVersion": "odigos.io/v1alpha1",
            "kind": "CollectorsGroup",
            "metadata": {"name": "odigos-data-collection", "namespace": "odigos-system", "resourceVersion": "1"},
            "spec": {"role": "NODE_COLLECTOR"},
            "status": {"ready": True, "receiverSignals": ["TRACES"]},
        }
    ],
}
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
STORED = {
    f"{WEBHOOKS}/odigos-pod-mutating-webhook-configuration": {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "odigos-pod-mutating-webhook-configuration", "resourceVersion": "1"},
        "webhooks": [
            {
                "name": "odigos-pod-mutating-webhook.odigos.io",
                "clientConfig": {"service": {"name": "odigos-instrumentor", "namespace": "odigos-system",
                                             "path": "/mutate--v1-pod", "port": 9443}},
            }
        ],
    }
}
CHANGES = []  # (path, event), the resource version is the place behind it
CHANGED = threading.Condition()


def store(path, value):
    with CHANGED:
        kind = "MODIFIED" if path in STORED else "ADDED"
        value.setdefault("metadata", {})["resourceVersion"] = str(len(CHANGES) + 2)
        STORED[path] = value
        CHANGES.append((path, {"type": kind, "object": value}))
        CHANGED.notify_all()
    return value


def patch(value, operations):
    """As much of RFC 6902 as the instrumentor uses: add and replace, in objects and existing elements."""
    value = json.loads(json.dumps(value))
    for operation in operations:
        if operation["op"] not in ("add", "replace"):
            continue
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place = value
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        place[last] = operation["value"]
    return value


# How much of what makes pods large: by the size of the review in KB.
SIZES = {
    4: {"app": 2, "proxy": None, "volumes": 0, "fields": 0},
    12: {"app": 24, "proxy": 14, "volumes": 6, "fields": 20},
    60: {"app": 220, "proxy": 165, "volumes": 40, "fields": 230},
}


def pod(size):
    """A pod as a Helm chart makes it; the larger ones have a service mesh's sidecar."""
    parts = SIZES[size]

    def container(name, image, variables):
        probe = {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10,
                 "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
        return {
            "name": name,
            "image": f"registry.example.com/shop/{image}@sha256:{'0123456789abcdef' * 4}",
            "args": ["--listen=0.0.0.0:8080", "--log-format=json", "--config=/etc/shop/config.yaml"],
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"},
                      {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}],
            "env": [{"name": f"SHOP_{name.upper()}_SETTING_{i:02}", "value": f"a value that says \"{i}\" \u00e9"}
                    for i in range(variables)]
            + [{"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
               {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
            "envFrom": [{"configMapRef": {"name": f"{name}-env"}}],
            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
            "volumeMounts": [{"name": f"volume-{i}", "mountPath": f"/etc/shop/{i}", "readOnly": True} for i in range(parts["volumes"])]
            + [{"name": "kube-api-access-x7k2p", "readOnly": True,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
            "livenessProbe": probe, "readinessProbe": probe, "startupProbe": probe,
            "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 5"]}}},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
            "securityContext": {"runAsNonRoot": True, "readOnlyRootFilesystem": True,
                                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }

    fields = {"f:metadata": {"f:generateName": {}, "f:labels": {".": {}, "f:app": {}, "f:pod-template-hash": {}},
                             "f:ownerReferences": {".": {}, 'k:{"uid":"0b8f4f0e-7f3e-4d0c-9d7a-6a4b7b1f0c55"}': {}}},
              "f:spec": {"f:containers": {'k:{"name":"app"}': {
                  ".": {}, "f:args": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {},
                  "f:env": {f'k:{{"name":"SHOP_APP_SETTING_{i:02}"}}': {".": {}, "f:name": {}, "f:value": {}}
                            for i in range(parts["fields"])}}}}}
    managed = [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
                "time": "2026-02-03T10:11:12Z", "fieldsType": "FieldsV1", "fieldsV1": fields}]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": "checkout-api-7c9d8f6b5d-",
            "creationTimestamp": None,
            "labels": {"app": "checkout-api", "app.kubernetes.io/name": "checkout-api",
                       "app.kubernetes.io/instance": "shop", "app.kubernetes.io/version": "2.14.0",
                       "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "checkout-api-1.9.2",
                       "pod-template-hash": "7c9d8f6b5d", "team": "payments"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090",
                            "checksum/config": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                            "kubectl.kubernetes.io/restartedAt": "2026-02-03T10:11:12Z"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-api-7c9d8f6b5d",
                                 "uid": "0b8f4f0e-7f3e-4d0c-9d7a-6a4b7b1f0c55", "controller": True,
                                 "blockOwnerDeletion": True}],
            **({"managedFields": managed} if parts["fields"] else {}),
        },
        "spec": {
            "volumes": [{"name": f"volume-{i}", "configMap": {"name": f"config-{i}", "defaultMode": 420}}
                        for i in range(parts["volumes"])]
            + [{"name": "kube-api-access-x7k2p", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {
                    "apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}}],
            "initContainers": [{"name": "migrate", "image": "registry.example.com/shop/migrate:2.14.0",
                                "command": ["/migrate", "up"], "resources": {}, "imagePullPolicy": "IfNotPresent"}],
            "containers": [container("app", "checkout-api", parts["app"])]
            + ([] if parts["proxy"] is None else [container("proxy", "mesh-proxy", parts["proxy"])]),
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "checkout-api", "serviceAccount": "checkout-api",
            "securityContext": {"fsGroup": 65532}, "schedulerName": "default-scheduler",
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 100, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {
                    "matchLabels": {"app": "checkout-api"}}}}]}},
            "tolerations": [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute",
                             "tolerationSeconds": 300} for key in ("not-ready", "unreachable")],
            "priority": 0, "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {},
    }


def review(size):
    kind, resource = {"group": "", "version": "v1", "kind": "Pod"}, {"group": "", "version": "v1", "resource": "pods"}
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": kind, "resource": resource, "requestKind": kind,
            "requestResource": resource, "namespace": "shop", "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
                         "uid": "b1c4f2c8-8b6f-4a57-9a4e-0d1f2f9b7d11",
                         "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system",
                                    "system:authenticated"]},
            "object": pod(size), "oldObject": None, "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    }


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or "{}")

    def missing(self):
        self.answer(404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "none"})

    def do_GET(self):
        path, _, query = self.path.partition("?")
        last = path.rsplit("/", 1)[-1]
        if path == "/version":
            self.answer(200, {"major": "1", "minor": "30", "gitVersion": "v1.30.0"})
        elif "watch=" in query:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            self.watch(path, query)
        elif path in STORED:
            self.answer(200, STORED[path])
        elif last.endswith("s") and "leases/" not in path and "webhookconfigurations/" not in path:
            with CHANGED:
                items = OBJECTS.get(last, []) + [
                    value for key, value in STORED.items()
                    if key.rpartition("/")[0] == path and self.is_meant(query, value)]
                version = str(len(CHANGES) + 1)
            self.answer(200, {"kind": "List", "metadata": {"resourceVersion": version}, "items": items})
        else:
            self.missing()

    @staticmethod
    def is_meant(query, value):
        selector = urllib.parse.parse_qs(query).get("fieldSelector", [""])[0]
        return not selector or selector == f"metadata.name={value['metadata']['name']}"

    def watch(self, path, query):
        seen = int(urllib.parse.parse_qs(query).get("resourceVersion", ["1"])[0]) - 1
        end = time.monotonic() + 300
        while time.monotonic() < end:
            with CHANGED:
                CHANGED.wait_for(lambda: len(CHANGES) > seen, timeout=300)
                news, seen = CHANGES[seen:], len(CHANGES)
            for key, event in news:
                if key.rpartition("/")[0] == path and self.is_meant(query, event["object"]):
                    line = json.dumps(event).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.flush()

    def do_POST(self):
        value = self.body()
        self.answer(201, store(f"{self.path.partition('?')[0]}/{value['metadata'].get('name', '')}", value))

    def do_PUT(self):
        self.answer(200, store(self.path.partition("?")[0], self.body()))

    def do_PATCH(self):
        path, body = self.path.partition("?")[0], self.body()
        if isinstance(body, list) and path in STORED:
            body = store(path, patch(STORED[path], body))
        self.answer(200, body)

    def do_DELETE(self):
        self.missing()


def main():
    match sys.argv[1:]:
        case ["review", size] if size in map(str, SIZES):
            json.dump(review(int(size)), sys.stdout, separators=(",", ":"))
        case ["serve", port]:
            http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Server).serve_forever()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
