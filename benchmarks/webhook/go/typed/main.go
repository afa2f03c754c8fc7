// A mutating admission webhook that takes care: the decoder and the types of k8s.io/api, but the pod is never encoded
// again, and the patch is a list of operations written by hand instead of the difference of two pods.
package main

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/webhook/facts"
	"k8s.io/kubernetes/webhook/mutation"
)

func plan(review *admissionv1.AdmissionReview, pod *corev1.Pod) ([]mutation.Operation, error) {
	replicaSet, uid, found := mutation.Owner(pod, review.Request.Namespace)
	if !found {
		return nil, nil
	}
	var operations []mutation.Operation
	for index := range pod.Spec.Containers {
		container := &pod.Spec.Containers[index]
		if _, ok := facts.Known.Containers[container.Name]; !ok {
			continue
		}
		path := fmt.Sprintf("/spec/containers/%d", index)
		for _, entry := range mutation.Entries(container, replicaSet, uid) {
			operations = append(operations, mutation.Operation{Op: "add", Path: path + "/env/-", Value: entry})
		}
		operations = append(operations, device(path+"/resources/limits", container.Resources.Limits))
		operations = append(operations, device(path+"/resources/requests", container.Resources.Requests))
	}
	label := mutation.Operation{Op: "add", Path: "/metadata/labels/" + escaped(facts.Label), Value: facts.Known.Hash}
	return append(operations, label), nil
}

func device(path string, list corev1.ResourceList) mutation.Operation {
	one := resource.MustParse("1")
	if list == nil {
		return mutation.Operation{Op: "add", Path: path, Value: corev1.ResourceList{facts.Device: one}}
	}
	return mutation.Operation{Op: "add", Path: path + "/" + escaped(facts.Device), Value: one}
}

func escaped(key string) string { return strings.ReplaceAll(key, "/", "~1") }

func main() { mutation.Run(plan) }
