// A mutating admission webhook as kubebuilder's documentation teaches it on controller-runtime: review and pod are
// decoded whole, the pod is changed in place and encoded again, and the patch is the difference of the two encodings
// (what admission.PatchResponseFromRaw does). Debian's kubernetes source package has neither controller-runtime nor
// the library that it makes the difference with; diff.go stands for that.
package main

import (
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/webhook/facts"
	"k8s.io/kubernetes/webhook/mutation"
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

func plan(review *admissionv1.AdmissionReview, pod *corev1.Pod) ([]mutation.Operation, error) {
	mutate(pod, review.Request.Namespace)
	changed, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	return difference(review.Request.Object.Raw, changed)
}

func main() { mutation.Run(plan) }
