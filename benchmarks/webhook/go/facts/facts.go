// Package facts is what the webhooks in Go know of the one workload that the benchmark has: what an informer would
// have told them. workload.json says the same as the objects of ../api.py.
package facts

import (
	_ "embed"
	"encoding/json"
	"log"
	"strings"
)

//go:embed workload.json
var document []byte

// Label and Device are the names of what a pod gets beside variables.
const (
	Label  = "odigos.io/agents-meta-hash"
	Device = "instrumentation.odigos.io/generic"
)

// Variable is one that is appended to a container: with a value, or with the path of a field of the pod.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Field string `json:"field"`
}

// Workload is one that somebody opted in.
type Workload struct {
	Namespace  string                `json:"namespace"`
	Name       string                `json:"name"`
	Hash       string                `json:"hash"`
	Containers map[string][]Variable `json:"containers"`
}

// Known is the only workload that is opted in.
var Known Workload

func init() {
	if err := json.Unmarshal(document, &Known); err != nil {
		log.Fatal("workload.json: ", err)
	}
}

// Deployment is the name of the Deployment that made a ReplicaSet; "" when its name does not tell.
func Deployment(replicaSet, hash string) string {
	if hash == "" || !strings.HasSuffix(replicaSet, "-"+hash) {
		return ""
	}
	return strings.TrimSuffix(replicaSet, "-"+hash)
}

// Owned is a value with the pod's owner in it.
func Owned(value, replicaSet, uid string) string {
	value = strings.ReplaceAll(value, "{replicaset}", replicaSet)
	return strings.ReplaceAll(value, "{uid}", uid)
}
