package main

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

type operation struct {
	Op    string      `json:"op"`
	Path  string      `json:"path"`
	Value interface{} `json:"value,omitempty"`
}

// difference is a patch (RFC 6902) that makes the second text of the first: members by name, elements by their place.
// That is the plain way and cheaper than matching equal elements wherever they stand, as the usual library does.
func difference(from, to []byte) ([]operation, error) {
	var before, after interface{}
	if err := json.Unmarshal(from, &before); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(to, &after); err != nil {
		return nil, err
	}
	return compare(nil, "", before, after), nil
}

func compare(operations []operation, path string, before, after interface{}) []operation {
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
	return append(operations, operation{"replace", path, after})
}

func compareObjects(operations []operation, path string, before, after map[string]interface{}) []operation {
	for key, value := range after {
		child := path + "/" + escaper.Replace(key)
		if old, ok := before[key]; ok {
			operations = compare(operations, child, old, value)
		} else {
			operations = append(operations, operation{"add", child, value})
		}
	}
	for key := range before {
		if _, ok := after[key]; !ok {
			operations = append(operations, operation{"remove", path + "/" + escaper.Replace(key), nil})
		}
	}
	return operations
}

func compareArrays(operations []operation, path string, before, after []interface{}) []operation {
	for index := range before {
		if index < len(after) {
			operations = compare(operations, path+"/"+strconv.Itoa(index), before[index], after[index])
		}
	}
	for index := len(before) - 1; index >= len(after); index-- {
		operations = append(operations, operation{"remove", path + "/" + strconv.Itoa(index), nil})
	}
	for index := len(before); index < len(after); index++ {
		operations = append(operations, operation{"add", path + "/-", after[index]})
	}
	return operations
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")
