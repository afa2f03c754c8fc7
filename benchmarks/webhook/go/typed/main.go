// A mutating admission webhook that takes care: the decoder and the types of k8s.io/api, but the pod is never encoded
// again, and the patch is a list of operations written by hand instead of the difference of two pods.
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/webhook/facts"
	"k8s.io/kubernetes/webhook/mutation"
	"k8s.io/kubernetes/webhook/serving"
)

type operation struct {
	Op    string      `json:"op"`
	Path  string      `json:"path"`
	Value interface{} `json:"value,omitempty"`
}

func plan(pod *corev1.Pod, namespace string) []operation {
	replicaSet, uid, found := mutation.Owner(pod, namespace)
	if !found {
		return nil
	}
	var operations []operation
	for index := range pod.Spec.Containers {
		container := &pod.Spec.Containers[index]
		if _, ok := facts.Known.Containers[container.Name]; !ok {
			continue
		}
		path := fmt.Sprintf("/spec/containers/%d", index)
		for _, entry := range mutation.Entries(container, replicaSet, uid) {
			operations = append(operations, operation{"add", path + "/env/-", entry})
		}
		operations = append(operations, device(path+"/resources/limits", container.Resources.Limits))
		operations = append(operations, device(path+"/resources/requests", container.Resources.Requests))
	}
	return append(operations, operation{"add", "/metadata/labels/" + escaped(facts.Label), facts.Known.Hash})
}

func device(path string, list corev1.ResourceList) operation {
	one := resource.MustParse("1")
	if list == nil {
		return operation{"add", path, corev1.ResourceList{facts.Device: one}}
	}
	return operation{"add", path + "/" + escaped(facts.Device), one}
}

func escaped(key string) string { return strings.ReplaceAll(key, "/", "~1") }

func answer(body []byte) ([]byte, error) {
	review, pod, err := mutation.Decode(body)
	if err != nil {
		return nil, err
	}
	outcome, patch := "unchanged", []byte(nil)
	if operations := plan(pod, review.Request.Namespace); len(operations) > 0 {
		outcome = "injected"
		if patch, err = json.Marshal(operations); err != nil {
			return nil, err
		}
	}
	mutation.Log(review.Request.Namespace, pod.GenerateName+pod.Name, outcome)
	return json.Marshal(mutation.Answer(review, patch))
}

func main() { serving.Run(answer) }
