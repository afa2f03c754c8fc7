// Package mutation is what the webhooks with the types of k8s.io/api share: decoding, the decision, the entries.
package mutation

import (
	"fmt"
	"log"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/kubernetes/webhook/facts"
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

// Decode reads a review and the pod in it, whole.
func Decode(body []byte) (*admissionv1.AdmissionReview, *corev1.Pod, error) {
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

// Answer allows the pod, with a patch where there is one.
func Answer(review *admissionv1.AdmissionReview, patch []byte) *admissionv1.AdmissionReview {
	response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if patch != nil {
		patchType := admissionv1.PatchTypeJSONPatch
		response.Patch, response.PatchType = patch, &patchType
	}
	answer := &admissionv1.AdmissionReview{Response: response}
	answer.APIVersion, answer.Kind = review.APIVersion, review.Kind
	return answer
}

// Log writes the line of one admission.
func Log(namespace, name, outcome string) {
	log.Printf("pod reviewed namespace=%s name=%s outcome=%s", namespace, name, outcome)
}
