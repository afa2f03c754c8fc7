// A device plugin as they are written in Go: google.golang.org/grpc and the kubelet's own API package. It offers as many
// devices as ours and answers Allocate with the same mount.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const socket = "bench_go"

type plugin struct {
	devices []*api.Device
	known   map[string]bool
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (p *plugin) ListAndWatch(_ *api.Empty, stream api.DevicePlugin_ListAndWatchServer) error {
	if err := stream.Send(&api.ListAndWatchResponse{Devices: p.devices}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (p *plugin) GetPreferredAllocation(context.Context, *api.PreferredAllocationRequest) (*api.PreferredAllocationResponse, error) {
	return &api.PreferredAllocationResponse{}, nil
}

func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	response := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		for _, id := range container.DevicesIDs {
			if !p.known[id] {
				return nil, fmt.Errorf("there is no device %q", id)
			}
		}
		response.ContainerResponses = append(response.ContainerResponses, &api.ContainerAllocateResponse{
			Mounts: []*api.Mount{{ContainerPath: "/var/odigos", HostPath: "/var/odigos", ReadOnly: true}},
		})
	}
	return response, nil
}

func (p *plugin) PreStartContainer(context.Context, *api.PreStartContainerRequest) (*api.PreStartContainerResponse, error) {
	return &api.PreStartContainerResponse{}, nil
}

func main() {
	directory := flag.String("directory", "", "where the sockets are")
	count := flag.Int("devices", 1024, "how many devices there are")
	flag.Parse()
	p := &plugin{known: map[string]bool{}}
	for i := 0; i < *count; i++ {
		id := fmt.Sprintf("device-%d", i)
		p.known[id] = true
		p.devices = append(p.devices, &api.Device{ID: id, Health: api.Healthy})
	}
	path := filepath.Join(*directory, socket)
	os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, p)
	go func() { log.Fatal(server.Serve(listener)) }()
	kubelet, err := grpc.Dial(filepath.Join(*directory, "kubelet.sock"), grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", address)
		}))
	if err != nil {
		log.Fatal(err)
	}
	request := &api.RegisterRequest{Version: api.Version, Endpoint: socket, ResourceName: "bench.odigos.io/go"}
	if _, err := api.NewRegistrationClient(kubelet).Register(context.Background(), request); err != nil {
		log.Fatal(err)
	}
	kubelet.Close()
	select {}
}
