package main

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"k8s.io/kubernetes/webhook/mutation"
)

// difference is a patch (RFC 6902) that makes the second text of the first: members by name, elements by their place.
// That is the plain way and cheaper than matching equal elements wherever they stand, as the usual library does.
func difference(from, to []byte) ([]mutation.Operation, error) {
	var before, after interface{}
	if err := json.Unmarshal(from, &before); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(to, &after); err != nil {
		return nil, err
	}
	return compare(nil, "", before, after), nil
}

func compare(operations []mutation.Operation, path string, before, after interface{}) []mutation.Operation {
	switch old := before.(type) {
	case map[string]interface{}:
		if changed, ok := after.(map[string]interface{}); ok {
			return compareObjects(operations, path, old, changed)
		}
	case []interface{}:
		if changed, ok := after.([]interface{}); ok {
			return compareArrays(operations, path, old, changed)
		}
	default:
		if reflect.DeepEqual(before, after) {
			return operations
		}
	}
	return append(operations, mutation.Operation{Op: "replace", Path: path, Value: after})
}

func compareObjects(operations []mutation.Operation, path string, before, after map[string]interface{}) []mutation.Operation {
	for key, value := range after {
		child := path + "/" + escaper.Replace(key)
		if old, ok := before[key]; ok {
			operations = compare(operations, child, old, value)
		} else {
			operations = append(operations, mutation.Operation{Op: "add", Path: child, Value: value})
		}
	}
	for key := range before {
		if _, ok := after[key]; !ok {
			operations = append(operations, mutation.Operation{Op: "remove", Path: path + "/" + escaper.Replace(key), Value: nil})
		}
	}
	return operations
}

func compareArrays(operations []mutation.Operation, path string, before, after []interface{}) []mutation.Operation {
	for index := range before {
		if index < len(after) {
			operations = compare(operations, path+"/"+strconv.Itoa(index), before[index], after[index])
		}
	}
	for index := len(before) - 1; index >= len(after); index-- {
		operations = append(operations, mutation.Operation{Op: "remove", Path: path + "/" + strconv.Itoa(index), Value: nil})
	}
	for index := len(before); index < len(after); index++ {
		operations = append(operations, mutation.Operation{Op: "add", Path: path + "/-", Value: after[index]})
	}
	return operations
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")
