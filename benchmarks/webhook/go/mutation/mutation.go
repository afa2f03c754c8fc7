// Package mutation is what the webhooks with the types of k8s.io/api share: decoding, the decision, the entries, the answer.
package mutation

import (
	"encoding/json"
	"fmt"
	"log"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/kubernetes/webhook/facts"
	"k8s.io/kubernetes/webhook/serving"
)

var (
	scheme  = runtime.NewScheme()
	decoder = serializer.NewCodecFactory(scheme).UniversalDeserializer()
)

func init() {
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, admissionv1.AddToScheme} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
}

// decode reads a review and the pod in it, whole.
func decode(body []byte) (*admissionv1.AdmissionReview, *corev1.Pod, error) {
	review, pod := &admissionv1.AdmissionReview{}, &corev1.Pod{}
	if _, _, err := decoder.Decode(body, nil, review); err != nil {
		return nil, nil, err
	}
	if review.Request == nil {
		return nil, nil, fmt.Errorf("request is missing")
	}
	if _, _, err := decoder.Decode(review.Request.Object.Raw, nil, pod); err != nil {
		return nil, nil, err
	}
	return review, pod, nil
}

// Owner is the pod's ReplicaSet; nil unless that belongs to the workload that is opted in.
func Owner(pod *corev1.Pod, namespace string) (name, uid string, found bool) {
	for _, reference := range pod.OwnerReferences {
		if reference.Controller == nil || !*reference.Controller || reference.Kind != "ReplicaSet" {
			continue
		}
		deployment := facts.Deployment(reference.Name, pod.Labels["pod-template-hash"])
		return reference.Name, string(reference.UID), namespace == facts.Known.Namespace && deployment == facts.Known.Name
	}
	return "", "", false
}

// Entries are the variables that the container does not have yet.
func Entries(container *corev1.Container, replicaSet, uid string) []corev1.EnvVar {
	present := make(map[string]bool, len(container.Env))
	for i := range container.Env {
		present[container.Env[i].Name] = true
	}
	var entries []corev1.EnvVar
	for _, variable := range facts.Known.Containers[container.Name] {
		if present[variable.Name] {
			continue
		}
		entry := corev1.EnvVar{Name: variable.Name, Value: facts.Owned(variable.Value, replicaSet, uid)}
		if variable.Field != "" {
			entry.ValueFrom = &corev1.EnvVarSource{
				FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: variable.Field},
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

// Operation is one step of a patch (RFC 6902).
type Operation struct {
	Op    string      `json:"op"`
	Path  string      `json:"path"`
	Value interface{} `json:"value,omitempty"`
}

// Run serves until the process ends; plan makes the patch of a pod.
func Run(plan func(review *admissionv1.AdmissionReview, pod *corev1.Pod) ([]Operation, error)) {
	serving.Run(func(body []byte) ([]byte, error) {
		review, pod, err := decode(body)
		if err != nil {
			return nil, err
		}
		operations, err := plan(review, pod)
		if err != nil {
			return nil, err
		}
		outcome, patch := "unchanged", []byte(nil)
		if len(operations) > 0 {
			outcome = "injected"
			if patch, err = json.Marshal(operations); err != nil {
				return nil, err
			}
		}
		log.Printf("pod reviewed namespace=%s name=%s outcome=%s",
			review.Request.Namespace, pod.GenerateName+pod.Name, outcome)
		return json.Marshal(answer(review, patch))
	})
}

// answer allows the pod, with a patch where there is one.
func answer(review *admissionv1.AdmissionReview, patch []byte) *admissionv1.AdmissionReview {
	response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if patch != nil {
		patchType := admissionv1.PatchTypeJSONPatch
		response.Patch, response.PatchType = patch, &patchType
	}
	result := &admissionv1.AdmissionReview{Response: response}
	result.APIVersion, result.Kind = review.APIVersion, review.Kind
	return result
}
