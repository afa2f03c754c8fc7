import Foundation
import JSON

/// A combination of what the configuration can say about how agents come into pods.
struct MatrixRound: Sendable, CustomStringConvertible {
  var mount: String
  var environment: String

  /// Both mount methods by all three environment methods.
  static let all: [MatrixRound] = ["k8s-virtual-device", "k8s-host-path"].flatMap { mount in
    ["loader", "pod-manifest", "loader-fallback-to-pod-manifest"].map { MatrixRound(mount: mount, environment: $0) }
  }

  var description: String { "\(mount), \(environment)" }
}

/// How a pod's agent is loaded.
enum MatrixLoading: String, Sendable {
  case loader
  case variables
  case none

  /// What the manifest of an injected container says.
  init(container: JSONValue) {
    var loading = MatrixLoading.none
    let variables: Set = [
      "PYTHONPATH", "JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "PHP_INI_SCAN_DIR", "RUBYOPT", "DOTNET_STARTUP_HOOKS",
    ]
    for variable in container["env"]?.array ?? [] {
      guard let name = variable["name"]?.string, variable["value"]?.string?.contains("/var/odigos/") == true else {
        continue
      }
      if name == "LD_PRELOAD" { loading = .loader }
      if variables.contains(name), loading == .none { loading = .variables }
    }
    self = loading
  }
}

/// One application of the matrix: an unmodified program in an image, as somebody would run it.
struct MatrixCase: Sendable {
  /// The Deployment.
  var name: String
  /// What it is, for people.
  var title: String
  var image: String
  var command: [String]
  /// Further lines of the container, in YAML at its depth.
  var container = ""
  /// Objects that it needs beside its Deployment.
  var objects = ""
  /// What it says of its own settings, once the agent is there and before.
  var says: String
  /// A part of what it answers to a request; the whole is what it is without an agent (`MatrixAnswer`).
  var answers: String {
    let texts = [
      ("python-django", "django"), ("python-new", "fastapi"), ("python", "flask"), ("java", "java"), ("nodejs", "node"),
      ("php", "php"), ("ruby", "ruby"), ("dotnet", ".net"),
    ]
    return texts.first { image.hasPrefix("matrix-\($0.0)") }?.1 ?? "an answer of \(image), which this does not know"
  }
  /// Whether the loader can serve the language.
  var hasLoader = true
  /// Whether a start-up script sets the variable, so that only the loader lasts.
  var isSetByScript = false
  /// Whether the pod preloads a library, so that the loader cannot be had.
  var hasPreload = false

  /// The distribution that it gets.
  var distribution: String {
    let languages = ["python", "java", "nodejs", "php", "ruby", "dotnet"]
    return (languages.first { image.hasPrefix("matrix-\($0)") } ?? image) + "-community"
  }

  /// How its agent is to be loaded.
  func loading(_ round: MatrixRound) -> MatrixLoading {
    guard hasLoader, round.environment != "pod-manifest" else { return .variables }
    guard hasPreload else { return .loader }
    return round.environment == "loader" ? .none : .variables
  }

  /// Whether the process is to have the agent then.
  func isTraced(_ round: MatrixRound) -> Bool {
    switch loading(round) {
    case .loader: true
    case .variables: !isSetByScript
    case .none: false
    }
  }

  /// The manifest.
  func manifest(namespace: String) -> String {
    let arguments = command.map { "\"\($0)\"" }.joined(separator: ", ")
    return """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: \(name), namespace: \(namespace)}
      spec:
        selector: {matchLabels: {app: \(name)}}
        strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
        template:
          metadata: {labels: {app: \(name)}}
          spec:
            terminationGracePeriodSeconds: 0
            automountServiceAccountToken: false
            containers:
            - name: app
              image: localhost/\(image):dev
              imagePullPolicy: Never
              command: [\(arguments)]
              readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1, timeoutSeconds: 5}
      \(container)
      \(objects.replacing("NAMESPACE", with: namespace))

      """
  }

  private static let ownModules = "        env: [{name: PYTHONPATH, value: /app/own}]"
  private static let flask = ["python3", "/app/flask_app.py"]

  /// Each runtime as it comes.
  static let runtimes: [MatrixCase] = [
    MatrixCase(
      name: "python39-flask", title: "Python 3.9, Flask 1.1", image: "matrix-python-old", command: flask,
      says: "own: no module"),
    MatrixCase(
      name: "python311-django", title: "Python 3.11, Django 3.2", image: "matrix-python-django",
      command: ["python3", "/app/django_app.py"], says: "own: no module"),
    MatrixCase(
      name: "python313-fastapi", title: "Python 3.13, FastAPI 0.115", image: "matrix-python-new",
      command: ["python3", "/app/fastapi_app.py"], says: "own: no module"),
    MatrixCase(
      name: "java17", title: "Java 17", image: "matrix-java", command: ["java", "-cp", "/app", "Shop"],
      says: "own: property missing"),
    MatrixCase(
      name: "java11-tomcat", title: "Java 11, Tomcat 9", image: "matrix-java-old", command: ["/app/tomcat/start"],
      says: ""),
    MatrixCase(
      name: "nodejs20", title: "Node.js 20", image: "matrix-nodejs", command: ["node", "/app/app.js"],
      says: "own: module missing"),
    MatrixCase(
      name: "php82", title: "PHP 8.2, PDO", image: "matrix-php",
      command: ["php", "-S", "0.0.0.0:8080", "-t", "/app/web"], says: "", hasLoader: false),
    MatrixCase(
      name: "php84", title: "PHP 8.4, PDO", image: "matrix-php-new",
      command: ["php", "-S", "0.0.0.0:8080", "-t", "/app/web"], says: "", hasLoader: false),
    MatrixCase(
      name: "ruby31", title: "Ruby 3.1, Sinatra 3.0", image: "matrix-ruby", command: ["ruby", "/app/app.rb"],
      says: "own: nothing", hasLoader: false),
    MatrixCase(
      name: "ruby33", title: "Ruby 3.3, Sinatra 4.1", image: "matrix-ruby-new", command: ["ruby", "/app/app.rb"],
      says: "own: nothing", hasLoader: false),
    MatrixCase(
      name: "dotnet8", title: ".NET 8, `dotnet Shop.dll`", image: "matrix-dotnet",
      command: ["dotnet", "/app/dotnet/Shop.dll"], says: "own: hook missing", hasLoader: false),
    MatrixCase(
      name: "dotnet8-host", title: ".NET 8, an executable of its own", image: "matrix-dotnet",
      command: ["/app/dotnet/Shop"], says: "own: hook missing", hasLoader: false),
  ].filter(\.canBeHad)

  /// Applications that have set the agent's variable for themselves.
  static let conflicts: [MatrixCase] = [
    MatrixCase(
      name: "pythonpath-image", title: "`PYTHONPATH` of the image", image: "matrix-python-path",
      command: flask, says: "own: module kept"),
    MatrixCase(
      name: "pythonpath-script", title: "`PYTHONPATH` set by a start-up script",
      image: "matrix-python-old", command: ["/app/python-entrypoint"], says: "own: module kept", isSetByScript: true),
    MatrixCase(
      name: "pythonpath-envfrom", title: "`PYTHONPATH` by `envFrom` of a ConfigMap",
      image: "matrix-python-old", command: flask,
      container: "        envFrom: [{configMapRef: {name: python}}]",
      objects: "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: python, namespace: NAMESPACE}\n"
        + "data: {PYTHONPATH: /app/own}",
      says: "own: module kept"),
    MatrixCase(
      name: "java-secret", title: "`JAVA_TOOL_OPTIONS` from a Secret", image: "matrix-java",
      command: ["java", "-cp", "/app", "Shop"],
      container: "        env: [{name: JAVA_TOOL_OPTIONS, valueFrom: {secretKeyRef: {name: java, key: options}}}]",
      objects: "---\napiVersion: v1\nkind: Secret\nmetadata: {name: java, namespace: NAMESPACE}\n"
        + "stringData: {options: -Dshop.name=kept}",
      says: "own: property kept"),
    MatrixCase(
      name: "dotnet-hooks", title: "`DOTNET_STARTUP_HOOKS` of the pod", image: "matrix-dotnet",
      command: ["dotnet", "/app/dotnet/Shop.dll"],
      container: "        env: [{name: DOTNET_STARTUP_HOOKS, value: /app/dotnet/OwnHook.dll}]",
      says: "own: hook kept", hasLoader: false),
    MatrixCase(
      name: "node-wrapper", title: "`NODE_OPTIONS` set by a wrapper script", image: "matrix-nodejs",
      command: ["/app/node-wrapper"], says: "own: module kept", isSetByScript: true),
    MatrixCase(
      name: "preload", title: "`LD_PRELOAD` of the pod", image: "matrix-python-old", command: flask,
      container: "        env: [{name: LD_PRELOAD, value: /app/own/libpreloaded.so}]",
      says: "own: no module, library kept", hasPreload: true),
  ].filter(\.canBeHad)

  /// Whether its runtime is here; where not, hack/setup says why.
  private var canBeHad: Bool {
    image != "matrix-dotnet" || ProcessInfo.processInfo.environment["ODIGOS_TEST_DOTNET"] != nil
  }

  static let all = runtimes + conflicts
}
