// A mutating admission webhook as one writes it in Go: net/http over TLS with HTTP/2, the decoder and the types of
// k8s.io/api, a list of patch operations. It makes the same decision and the same changes as the webhook that it is
// measured beside, for the one workload that the benchmark knows.
//
// It does less than most: the pod is decoded once and never encoded again, and no patch is computed by comparing two
// copies of it (as controller-runtime's defaulter does).
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

const (
	hashLabel = "odigos.io/agents-meta-hash"
	device    = corev1.ResourceName("instrumentation.odigos.io/generic")
	agents    = "/var/odigos/python:/var/odigos/python/opentelemetry/instrumentation/auto_instrumentation"
)

var (
	scheme = runtime.NewScheme()
	codecs = serializer.NewCodecFactory(scheme)
)

func init() {
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, admissionv1.AddToScheme} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
}

// workload is what an informer would have said about an opted-in workload.
type workload struct {
	namespace, name, serviceName, hash string
	containers                         map[string]bool
}

var known = workload{"shop", "checkout-api", "checkout", "0123456789abcdef", map[string]bool{"app": true}}

type operation struct {
	Op    string      `json:"op"`
	Path  string      `json:"path"`
	Value interface{} `json:"value,omitempty"`
}

func owner(pod *corev1.Pod) (kind, name, replicaSet, uid string) {
	for _, reference := range pod.OwnerReferences {
		if reference.Controller == nil || !*reference.Controller || reference.Kind != "ReplicaSet" {
			continue
		}
		if hash := pod.Labels["pod-template-hash"]; hash != "" && strings.HasSuffix(reference.Name, "-"+hash) {
			return "Deployment", strings.TrimSuffix(reference.Name, "-"+hash), reference.Name, string(reference.UID)
		}
	}
	return "", "", "", ""
}

func field(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}}
}

func plan(pod *corev1.Pod, namespace string) []operation {
	kind, name, replicaSet, uid := owner(pod)
	if kind == "" || namespace != known.namespace || name != known.name {
		return nil
	}
	var operations []operation
	for index := range pod.Spec.Containers {
		container := &pod.Spec.Containers[index]
		if !known.containers[container.Name] {
			continue
		}
		path := fmt.Sprintf("/spec/containers/%d", index)
		attributes := "k8s.pod.name=$(ODIGOS_POD_NAME),k8s.container.name=" + container.Name + ",k8s.namespace.name=" +
			namespace + ",k8s.deployment.name=" + name + ",odigos.workload.kind=Deployment,odigos.workload.name=" + name +
			",k8s.replicaset.name=" + replicaSet + ",k8s.replicaset.uid=" + uid
		added := []corev1.EnvVar{
			{Name: "ODIGOS_CONTAINER_NAME", Value: container.Name}, {Name: "ODIGOS_DISTRO_NAME", Value: "python-community"},
			field("ODIGOS_POD_NAME", "metadata.name"), {Name: "ODIGOS_WORKLOAD_NAMESPACE", Value: namespace},
			{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Value: "http/protobuf"},
			{Name: "OTEL_LOGS_EXPORTER", Value: "none"}, {Name: "OTEL_METRICS_EXPORTER", Value: "none"},
			{Name: "OTEL_TRACES_EXPORTER", Value: "otlp"},
			{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: "http://odigos-data-collection-local-traffic.odigos-system:4318"},
			{Name: "OTEL_SERVICE_NAME", Value: known.serviceName}, {Name: "OTEL_RESOURCE_ATTRIBUTES", Value: attributes},
			{Name: "PYTHONPATH", Value: agents},
		}
		present := map[string]bool{}
		for _, variable := range container.Env {
			present[variable.Name] = true
		}
		for _, variable := range added {
			if !present[variable.Name] {
				operations = append(operations, operation{"add", path + "/env/-", variable})
			}
		}
		one := resource.MustParse("1")
		for list, present := range map[string]bool{
			"limits": container.Resources.Limits != nil, "requests": container.Resources.Requests != nil,
		} {
			if present {
				key := strings.ReplaceAll(string(device), "/", "~1")
				operations = append(operations, operation{"add", path + "/resources/" + list + "/" + key, one})
			} else {
				value := corev1.ResourceList{device: one}
				operations = append(operations, operation{"add", path + "/resources/" + list, value})
			}
		}
	}
	if len(operations) > 0 {
		key := strings.ReplaceAll(hashLabel, "/", "~1")
		operations = append(operations, operation{"add", "/metadata/labels/" + key, known.hash})
	}
	return operations
}

func review(body []byte) (*admissionv1.AdmissionReview, error) {
	var request admissionv1.AdmissionReview
	if _, _, err := codecs.UniversalDeserializer().Decode(body, nil, &request); err != nil {
		return nil, err
	}
	if request.Request == nil {
		return nil, fmt.Errorf("request is missing")
	}
	response := &admissionv1.AdmissionResponse{UID: request.Request.UID, Allowed: true}
	var pod corev1.Pod
	if _, _, err := codecs.UniversalDeserializer().Decode(request.Request.Object.Raw, nil, &pod); err != nil {
		return nil, err
	}
	outcome := "unchanged"
	if operations := plan(&pod, request.Request.Namespace); len(operations) > 0 {
		patch, err := json.Marshal(operations)
		if err != nil {
			return nil, err
		}
		patchType := admissionv1.PatchTypeJSONPatch
		response.Patch, response.PatchType = patch, &patchType
		outcome = "injected"
	}
	log.Printf("pod reviewed namespace=%s name=%s%s outcome=%s", request.Request.Namespace, pod.GenerateName, pod.Name, outcome)
	answer := &admissionv1.AdmissionReview{Response: response}
	answer.APIVersion, answer.Kind = request.APIVersion, request.Kind
	return answer, nil
}

func serve(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(writer, request.Body, 7<<20))
	if err != nil {
		http.Error(writer, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	answer, err := review(body)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	writer.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(writer).Encode(answer); err != nil {
		log.Print(err)
	}
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now(), NotAfter: time.Now().AddDate(0, 0, 7),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func main() {
	address := flag.String("address", "127.0.0.1:19444", "where to listen")
	flag.Parse()
	http.HandleFunc("/mutate--v1-pod", serve)
	server := &http.Server{
		Addr: *address, ReadHeaderTimeout: 15 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate()}},
	}
	log.Fatal(server.ListenAndServeTLS("", ""))
}
