/// The words of the kubelet's device plugin API (k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1).
public enum DevicePluginAPI {
  /// The version that a plugin registers with.
  public static let version = "v1beta1"
  /// Where the kubelet's and the plugins' sockets are.
  public static let directory = "/var/lib/kubelet/device-plugins"
  /// The kubelet's socket in that directory.
  public static let kubeletSocket = "kubelet.sock"
  /// A device that can be given to a container.
  public static let healthy = "Healthy"
  /// A device that must not be given to a container.
  public static let unhealthy = "Unhealthy"

  static let register = "/v1beta1.Registration/Register"
  static let getDevicePluginOptions = "/v1beta1.DevicePlugin/GetDevicePluginOptions"
  static let listAndWatch = "/v1beta1.DevicePlugin/ListAndWatch"
  static let getPreferredAllocation = "/v1beta1.DevicePlugin/GetPreferredAllocation"
  static let allocate = "/v1beta1.DevicePlugin/Allocate"
  static let preStartContainer = "/v1beta1.DevicePlugin/PreStartContainer"
}

/// The paths of the gRPC health checking protocol (grpc/grpc doc/health-checking.md).
enum HealthAPI {
  static let check = "/grpc.health.v1.Health/Check"
  static let watch = "/grpc.health.v1.Health/Watch"
}

/// gRPC status codes that the plugin answers with or sees (grpc/grpc doc/statuscodes.md).
enum StatusCode {
  static let invalidArgument = 3
  static let notFound = 5
  static let failedPrecondition = 9
}
