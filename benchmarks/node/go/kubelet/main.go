// The kubelet's side, with the gRPC library and the API package that the kubelet has: takes registrations, follows the
// devices of the wanted resource, and calls Allocate, first one call after the other, then several at once.
//
// With -stay it only takes registrations and follows the devices of all resources until it is ended, as a kubelet does
// that has nothing to start.
//
// Prints: p50 and p99 in microseconds, calls in a second, and the plugin's CPU time for a call in microseconds.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

type kubelet struct {
	resource  string
	endpoints chan string
	// follow gets each plugin's endpoint; nil where only one resource is wanted.
	follow func(endpoint string)
}

func (k *kubelet) Register(_ context.Context, request *api.RegisterRequest) (*api.Empty, error) {
	if k.follow != nil {
		go k.follow(request.Endpoint)
		return &api.Empty{}, nil
	}
	if request.ResourceName == k.resource {
		select {
		case k.endpoints <- request.Endpoint:
		default:
		}
	}
	return &api.Empty{}, nil
}

func dial(path string) *grpc.ClientConn {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	connection, err := grpc.DialContext(ctx, path, grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", address)
		}))
	if err != nil {
		log.Fatal(err)
	}
	return connection
}

func request(i, devices int) *api.AllocateRequest {
	id := fmt.Sprintf("device-%d", i%devices)
	return &api.AllocateRequest{ContainerRequests: []*api.ContainerAllocateRequest{{DevicesIDs: []string{id}}}}
}

func allocate(plugin api.DevicePluginClient, i, devices int) {
	response, err := plugin.Allocate(context.Background(), request(i, devices))
	if err != nil {
		log.Fatal(err)
	}
	if len(response.ContainerResponses) != 1 || len(response.ContainerResponses[0].Mounts) != 1 {
		log.Fatal("not one container with one mount: ", response)
	}
}

// stay follows the devices of every plugin that registers.
func stay(directory string, server *grpc.Server, listener net.Listener) {
	k := &kubelet{follow: func(endpoint string) {
		connection := dial(filepath.Join(directory, endpoint))
		defer connection.Close()
		stream, err := api.NewDevicePluginClient(connection).ListAndWatch(context.Background(), &api.Empty{})
		for err == nil {
			_, err = stream.Recv()
		}
	}}
	api.RegisterRegistrationServer(server, k)
	log.Fatal(server.Serve(listener))
}

// ticks is the CPU time of a process in clock ticks of 10 ms.
func ticks(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		log.Fatal(err)
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+2:])
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return user + system
}

func main() {
	directory := flag.String("directory", "", "where the sockets are")
	resource := flag.String("resource", "", "the plugin's resource")
	pid := flag.Int("pid", 0, "the plugin's process")
	calls := flag.Int("calls", 10000, "how many calls, each time")
	atOnce := flag.Int("at-once", 8, "how many calls at once, the second time")
	stays := flag.Bool("stay", false, "only take registrations and follow the devices, until it is ended")
	flag.Parse()
	path := filepath.Join(*directory, "kubelet.sock")
	os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	if *stays {
		stay(*directory, server, listener)
	}
	k := &kubelet{resource: *resource, endpoints: make(chan string, 1)}
	api.RegisterRegistrationServer(server, k)
	go server.Serve(listener)
	fmt.Fprintln(os.Stderr, "ready")
	var endpoint string
	select {
	case endpoint = <-k.endpoints:
	case <-time.After(30 * time.Second):
		log.Fatal("nobody registered ", *resource)
	}
	plugin := api.NewDevicePluginClient(dial(filepath.Join(*directory, endpoint)))
	stream, err := plugin.ListAndWatch(context.Background(), &api.Empty{})
	if err != nil {
		log.Fatal(err)
	}
	list, err := stream.Recv()
	if err != nil {
		log.Fatal(err)
	}
	devices := len(list.Devices)
	for i := 0; i < *calls/10; i++ {
		allocate(plugin, i, devices)
	}

	times := make([]time.Duration, *calls)
	before := ticks(*pid)
	for i := range times {
		start := time.Now()
		allocate(plugin, i, devices)
		times[i] = time.Since(start)
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })

	var group sync.WaitGroup
	start := time.Now()
	for worker := 0; worker < *atOnce; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			for i := worker; i < *calls; i += *atOnce {
				allocate(plugin, i, devices)
			}
		}(worker)
	}
	group.Wait()
	elapsed := time.Since(start)
	used := ticks(*pid) - before
	micro := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	fmt.Printf("%.1f %.1f %.0f %.1f\n", micro(times[len(times)/2]), micro(times[len(times)*99/100]),
		float64(*calls)/elapsed.Seconds(), float64(used)*10000/float64(2*(*calls)))
}
