// A mutating admission webhook as lean as one would write it in Go with the standard library: only the fields that the
// decision needs are decoded, and the patch is put together from bytes that were prepared at the start.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"strconv"
	"strings"
	"sync"

	"k8s.io/kubernetes/webhook/facts"
	"k8s.io/kubernetes/webhook/serving"
)

type container struct {
	Name string `json:"name"`
	Env  []struct {
		Name string `json:"name"`
	} `json:"env"`
	Resources struct {
		Limits   map[string]string `json:"limits"`
		Requests map[string]string `json:"requests"`
	} `json:"resources"`
}

type review struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Request    *struct {
		UID       string `json:"uid"`
		Namespace string `json:"namespace"`
		Object    struct {
			Metadata struct {
				Name         string            `json:"name"`
				GenerateName string            `json:"generateName"`
				Labels       map[string]string `json:"labels"`
				Owners       []struct {
					Kind       string `json:"kind"`
					Name       string `json:"name"`
					UID        string `json:"uid"`
					Controller bool   `json:"controller"`
				} `json:"ownerReferences"`
			} `json:"metadata"`
			Spec struct {
				Containers []container `json:"containers"`
			} `json:"spec"`
		} `json:"object"`
	} `json:"request"`
}

// entry is a variable that is appended, as JSON text; owned ones still need the pod's owner.
type entry struct {
	name, text string
	owned      bool
}

var (
	entries = map[string][]entry{}
	buffers = sync.Pool{New: func() interface{} { return new(bytes.Buffer) }}
)

func init() {
	for name, variables := range facts.Known.Containers {
		for _, variable := range variables {
			value := map[string]interface{}{"name": variable.Name, "value": variable.Value}
			if variable.Field != "" {
				field := map[string]string{"apiVersion": "v1", "fieldPath": variable.Field}
				value = map[string]interface{}{"name": variable.Name, "valueFrom": map[string]interface{}{"fieldRef": field}}
			}
			text, err := json.Marshal(value)
			if err != nil {
				log.Fatal(err)
			}
			entries[name] = append(entries[name], entry{variable.Name, string(text), strings.Contains(variable.Value, "{")})
		}
	}
}

func add(patch *bytes.Buffer, path, rest, value string) {
	if patch.Len() > 0 {
		patch.WriteByte(',')
	} else {
		patch.WriteByte('[')
	}
	patch.WriteString(`{"op":"add","path":"`)
	patch.WriteString(path)
	patch.WriteString(rest)
	patch.WriteString(`","value":`)
	patch.WriteString(value)
	patch.WriteByte('}')
}

func inject(patch *bytes.Buffer, request *review) {
	object := &request.Request.Object
	var replicaSet, uid string
	for i := range object.Metadata.Owners {
		if owner := &object.Metadata.Owners[i]; owner.Controller && owner.Kind == "ReplicaSet" {
			replicaSet, uid = owner.Name, owner.UID
		}
	}
	deployment := facts.Deployment(replicaSet, object.Metadata.Labels["pod-template-hash"])
	if request.Request.Namespace != facts.Known.Namespace || deployment != facts.Known.Name {
		return
	}
	for index := range object.Spec.Containers {
		container := &object.Spec.Containers[index]
		variables := entries[container.Name]
		if variables == nil {
			continue
		}
		path := "/spec/containers/" + strconv.Itoa(index)
		for i := range variables {
			if variable := &variables[i]; !has(container, variable.name) {
				text := variable.text
				if variable.owned {
					text = facts.Owned(text, replicaSet, uid)
				}
				add(patch, path, "/env/-", text)
			}
		}
		device(patch, path, "/resources/limits", container.Resources.Limits)
		device(patch, path, "/resources/requests", container.Resources.Requests)
	}
	add(patch, "/metadata/labels/odigos.io~1agents-meta-hash", "", `"`+facts.Known.Hash+`"`)
}

func has(container *container, name string) bool {
	for i := range container.Env {
		if container.Env[i].Name == name {
			return true
		}
	}
	return false
}

func device(patch *bytes.Buffer, path, list string, present map[string]string) {
	if present == nil {
		add(patch, path, list, `{"`+facts.Device+`":"1"}`)
	} else {
		add(patch, path, list+"/instrumentation.odigos.io~1generic", `"1"`)
	}
}

func answer(body []byte) ([]byte, error) {
	var request review
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	if request.Request == nil {
		return nil, errors.New("request is missing")
	}
	patch := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(patch)
	patch.Reset()
	inject(patch, &request)
	uid, err := json.Marshal(request.Request.UID)
	if err != nil {
		return nil, err
	}
	response := make([]byte, 0, 256+base64.StdEncoding.EncodedLen(patch.Len()+1))
	response = append(response, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":`...)
	response = append(response, uid...)
	response = append(response, `,"allowed":true`...)
	outcome := "unchanged"
	if patch.Len() > 0 {
		outcome = "injected"
		patch.WriteByte(']')
		response = append(response, `,"patchType":"JSONPatch","patch":"`...)
		start := len(response)
		response = response[:start+base64.StdEncoding.EncodedLen(patch.Len())]
		base64.StdEncoding.Encode(response[start:], patch.Bytes())
		response = append(response, '"')
	}
	metadata := &request.Request.Object.Metadata
	log.Printf("pod reviewed namespace=%s name=%s%s outcome=%s",
		request.Request.Namespace, metadata.GenerateName, metadata.Name, outcome)
	return append(response, "}}"...), nil
}

func main() { serving.Run(answer) }
