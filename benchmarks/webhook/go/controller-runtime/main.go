// A mutating admission webhook as kubebuilder's documentation teaches it on controller-runtime: review and pod are
// decoded whole, the pod is changed in place and encoded again, and the patch is the difference of the two encodings
// (what admission.PatchResponseFromRaw does). Debian's kubernetes source package has neither controller-runtime nor
// the library that it makes the difference with; diff.go stands for that.
package main

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/webhook/facts"
	"k8s.io/kubernetes/webhook/mutation"
	"k8s.io/kubernetes/webhook/serving"
)

func mutate(pod *corev1.Pod, namespace string) {
	replicaSet, uid, found := mutation.Owner(pod, namespace)
	if !found {
		return
	}
	one := resource.MustParse("1")
	for index := range pod.Spec.Containers {
		container := &pod.Spec.Containers[index]
		if _, ok := facts.Known.Containers[container.Name]; !ok {
			continue
		}
		container.Env = append(container.Env, mutation.Entries(container, replicaSet, uid)...)
		for _, list := range []*corev1.ResourceList{&container.Resources.Limits, &container.Resources.Requests} {
			if *list == nil {
				*list = corev1.ResourceList{}
			}
			(*list)[facts.Device] = one
		}
	}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[facts.Label] = facts.Known.Hash
}

func answer(body []byte) ([]byte, error) {
	review, pod, err := mutation.Decode(body)
	if err != nil {
		return nil, err
	}
	mutate(pod, review.Request.Namespace)
	changed, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	operations, err := difference(review.Request.Object.Raw, changed)
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
	mutation.Log(review.Request.Namespace, pod.GenerateName+pod.Name, outcome)
	return json.Marshal(mutation.Answer(review, patch))
}

func main() { serving.Run(answer) }
