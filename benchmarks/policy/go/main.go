// The lookup of a workload's Sources as controllers in Go do it on controller-runtime's cache: a list of the Sources of
// the workload's namespace by their labels (the cache has an index by namespace, looks through it, and hands out
// copies), each one's name or expression compared, then the same for the namespace's Source.
package main

import (
	"fmt"
	"regexp"
	"testing"
)

type source struct {
	name, namespace, kind, workload string
	expression, disabled            bool
	labels                          map[string]string
}

func (s *source) copy() *source {
	result := *s
	result.labels = make(map[string]string, len(s.labels))
	for key, value := range s.labels {
		result.labels[key] = value
	}
	return &result
}

type cache map[string][]*source

func (c cache) list(namespace string, labels map[string]string) []*source {
	var found []*source
next:
	for _, source := range c[namespace] {
		for key, value := range labels {
			if source.labels[key] != value {
				continue next
			}
		}
		found = append(found, source.copy())
	}
	return found
}

func selector(namespace, kind string) map[string]string {
	return map[string]string{"odigos.io/workload-namespace": namespace, "odigos.io/workload-kind": kind}
}

type workload struct{ namespace, kind, name string }

func (c cache) decide(w workload) (bool, string, error) {
	var matching []*source
	for _, source := range c.list(w.namespace, selector(w.namespace, w.kind)) {
		if !source.expression {
			if source.workload == w.name {
				matching = append(matching, source)
			}
		} else if matches, err := regexp.MatchString("^(?:"+source.workload+")$", w.name); err != nil {
			return false, "", err
		} else if matches {
			matching = append(matching, source)
		}
	}
	if len(matching) > 1 {
		return false, "", fmt.Errorf("more than one Source is about %s", w.name)
	}
	if len(matching) == 1 && matching[0].disabled {
		return false, fmt.Sprintf("Source %s disables instrumentation of this workload.", matching[0].name), nil
	}
	if len(matching) == 1 {
		return true, fmt.Sprintf("Source %s selects this workload.", matching[0].name), nil
	}
	for _, source := range c.list(w.namespace, selector(w.namespace, "Namespace")) {
		if source.workload == w.namespace && !source.disabled {
			return true, fmt.Sprintf("Source %s selects the namespace %s.", source.name, w.namespace), nil
		}
	}
	return false, "No Source selects this workload.", nil
}

func sample(namespaces int) (cache, []workload) {
	sources, workloads := cache{}, []workload{}
	for i := 0; i < namespaces; i++ {
		namespace := fmt.Sprintf("namespace-%d", i)
		add := func(name, kind, target string, expression, disabled bool) {
			labels := selector(namespace, kind)
			labels["odigos.io/workload-name"] = target
			sources[namespace] = append(sources[namespace], &source{name, namespace, kind, target, expression, disabled, labels})
		}
		for number := 0; number < 7; number++ {
			add(fmt.Sprintf("source-%d", number), "Deployment", fmt.Sprintf("service-%d", number), false, number == 6)
			workloads = append(workloads, workload{namespace, "Deployment", fmt.Sprintf("service-%d", number)})
		}
		add("batches", "Deployment", "batch-[a-z]+-[0-9]+", true, false)
		add("stores", "StatefulSet", "(redis|postgres)-.*", true, false)
		add("all", "Namespace", namespace, false, false)
		workloads = append(workloads, workload{namespace, "Deployment", "batch-report-12"},
			workload{namespace, "StatefulSet", "redis-cache"}, workload{namespace, "DaemonSet", "frontend"})
	}
	return sources, workloads
}

func main() {
	few, workloads := sample(1)
	many, _ := sample(1000)
	for _, test := range []struct {
		name  string
		cache cache
	}{{"go-selection-10", few}, {"go-selection-10000", many}} {
		result := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				selected := 0
				for _, workload := range workloads {
					if yes, _, err := test.cache.decide(workload); err != nil {
						b.Fatal(err)
					} else if yes {
						selected++
					}
				}
				if selected != 9 {
					b.Fatal("the Sources do not select what they should")
				}
			}
		})
		count := float64(len(workloads))
		fmt.Println(test.name, float64(result.NsPerOp())/count, float64(result.AllocsPerOp())/count)
	}
}
