import TestSupport
import Testing

@testable import ProcessInspection

/// A process, and what it is taken for.
struct ProcessCase: Sendable, CustomTestStringConvertible {
  var executable: String?
  var arguments: [String] = []
  var environment: [String] = []
  var maps: [String] = []
  var files: [String: String] = [:]
  var language: RuntimeLanguage?
  var version = ""
  var testDescription: String {
    "\(executable ?? "-") \(environment) \(maps) -> \(language?.rawValue ?? "-") \(version)"
  }
}

@Suite struct LanguageDetectionTests {
  static let python: [ProcessCase] = [
    ProcessCase(executable: "/usr/bin/python3.11", language: .python, version: "3.11"),
    ProcessCase(
      executable: "/usr/local/bin/python3.11", environment: ["PYTHON_VERSION=3.11.4"], language: .python,
      version: "3.11.4"),
    // The image's variable is about another Python than the one that runs.
    ProcessCase(
      executable: "/opt/venv/bin/python3.12", environment: ["PYTHON_VERSION=3.11.4"], language: .python, version: "3.12"
    ),
    ProcessCase(
      executable: "/usr/local/bin/python3.1", environment: ["PYTHON_VERSION=3.11.4"], language: .python, version: "3.1"),
    ProcessCase(
      executable: "/opt/bin/python3", environment: ["PYTHON_VERSION=3.9.18"], language: .python, version: "3.9.18"),
    ProcessCase(
      executable: "/opt/bin/python3", maps: ["/opt/lib/libpython3.10.so.1.0"], language: .python, version: "3.10"),
    ProcessCase(
      executable: "/opt/bin/python", maps: ["/opt/lib/python3.8/lib-dynload/_json.cpython-38-x86_64-linux-gnu.so"],
      language: .python, version: "3.8"),
    ProcessCase(
      executable: "/opt/bin/python", files: ["/opt/lib/python3.7/os.py": ""], language: .python, version: "3.7"),
    ProcessCase(
      executable: "/opt/bin/python", files: ["/opt/lib/python3.7/os.py": "", "/opt/lib/python3.8/os.py": ""],
      language: .python),
    ProcessCase(executable: "/opt/bin/python", environment: ["PYTHON_VERSION=latest"], language: .python),
    ProcessCase(
      executable: "/usr/bin/uwsgi-core", maps: ["/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0"], language: .python,
      version: "3.11"),
    // uWSGI that has Python linked into it, and programs that were packed with it.
    ProcessCase(
      executable: "/usr/local/bin/uwsgi", arguments: ["uwsgi", "--http", ":8080"],
      maps: ["/usr/local/lib/python3.11/lib-dynload/_socket.cpython-311-x86_64-linux-gnu.so"], language: .python,
      version: "3.11"),
    ProcessCase(
      executable: "/app/server", maps: ["/tmp/_MEIa1b2c3/libpython3.10.so.1.0"], language: .python, version: "3.10"),
    ProcessCase(
      executable: "/app/server", maps: ["/tmp/onefile_7/_ssl.cpython-312-x86_64-linux-gnu.so"], language: .python,
      version: "3.12"),
    // Gunicorn calls its processes otherwise; it is Python that runs.
    ProcessCase(
      executable: "/usr/local/bin/python3.11", arguments: ["gunicorn: master [shop.wsgi]"], language: .python,
      version: "3.11"),
    ProcessCase(executable: "/usr/bin/pypy3.9-c", maps: ["/usr/lib/pypy3.9/_ssl.pypy39-pp73-x86_64-linux-gnu.so"]),
    ProcessCase(executable: "/usr/bin/python-config"), ProcessCase(executable: "/usr/bin/pythonw.sh"),
    ProcessCase(
      executable: nil, arguments: ["/usr/local/bin/python3.6", "-m", "x"], language: .python, version: "3.6"),
  ]

  static let java: [ProcessCase] = [
    ProcessCase(
      executable: "/opt/java/openjdk/bin/java",
      files: ["/opt/java/openjdk/release": "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"17.0.12\"\n"], language: .java,
      version: "17.0.12"),
    ProcessCase(
      executable: "/usr/lib/jvm/jdk1.8.0_292/jre/bin/java",
      files: ["/usr/lib/jvm/jdk1.8.0_292/release": "JAVA_VERSION=\"1.8.0_292\"\n"], language: .java, version: "8.0"),
    ProcessCase(
      executable: "/usr/bin/java", environment: ["JAVA_VERSION=jdk-17.0.12+7"], language: .java, version: "17.0.12"),
    ProcessCase(
      executable: "/usr/bin/java", environment: ["JAVA_HOME=/usr/lib/jvm/java-21-openjdk-amd64"], language: .java,
      version: "21"),
    ProcessCase(
      executable: "/usr/lib/jvm/java-11-openjdk-amd64/bin/java", language: .java, version: "11"),
    ProcessCase(executable: "/usr/bin/java", language: .java),
    ProcessCase(
      executable: "/usr/bin/jsvc", maps: ["/opt/jdk-21.0.1/lib/server/libjvm.so"],
      files: ["/opt/jdk-21.0.1/release": "JAVA_VERSION=\"21.0.1\"\n"], language: .java, version: "21.0.1"),
    ProcessCase(executable: "/usr/bin/javac"),
    // Compiled ahead of time: there is no virtual machine that an agent could be loaded into.
    ProcessCase(
      executable: "/app/shop-native", arguments: ["/app/shop-native", "-Xmx64m"],
      environment: ["JAVA_HOME=/opt/graalvm"], maps: ["/usr/lib/x86_64-linux-gnu/libz.so.1.2.13"]),
    ProcessCase(
      executable: "/opt/graalvm/bin/java", maps: ["/opt/graalvm/lib/libjvmcicompiler.so"],
      files: ["/opt/graalvm/release": "JAVA_VERSION=\"21.0.2\"\n"], language: .java, version: "21.0.2"),
  ]

  static let others: [ProcessCase] = [
    ProcessCase(
      executable: "/usr/local/bin/node", environment: ["NODE_VERSION=20.11.1"], language: .javascript,
      version: "20.11.1"),
    ProcessCase(
      executable: "/usr/local/bin/node", environment: ["NODE_VERSION=20.11.1"],
      files: [
        "/usr/local/include/node/node_version.h":
          "#define NODE_MAJOR_VERSION 22\n#define NODE_MINOR_VERSION 3\n#define NODE_PATCH_VERSION 0\n"
      ], language: .javascript, version: "22.3.0"),
    ProcessCase(
      executable: "/root/.nvm/versions/node/v18.17.0/bin/node", language: .javascript, version: "18.17.0"),
    ProcessCase(executable: "/usr/bin/nodejs", language: .javascript),
    ProcessCase(
      executable: "/usr/bin/dotnet", maps: ["/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so"],
      language: .dotnet, version: "8.0.1"),
    ProcessCase(
      executable: "/app/server", maps: ["/usr/share/dotnet/shared/Microsoft.NETCore.App/6.0.9/libcoreclr.so"],
      language: .dotnet, version: "6.0.9"),
    ProcessCase(
      executable: "/app/server", environment: ["DOTNET_VERSION=7.0.1"], maps: ["/app/libcoreclr.so"],
      files: [
        "/app/server.runtimeconfig.json":
          #"{"runtimeOptions": {"includedFrameworks": [{"name": "Microsoft.NETCore.App", "version": "9.0.2"}]}}"#
      ], language: .dotnet, version: "9.0.2"),
    ProcessCase(
      executable: "/app/server", maps: ["/app/libcoreclr.so"], files: ["/app/server.runtimeconfig.json": "{["],
      language: .dotnet),
    ProcessCase(
      executable: "/usr/sbin/php-fpm8.2", environment: ["PHP_VERSION=8.2.10"], language: .php, version: "8.2.10"),
    ProcessCase(executable: "/usr/bin/ruby3.1", language: .ruby, version: "3.1"),
    ProcessCase(
      executable: "/usr/local/bin/ruby", environment: ["RUBY_VERSION=3.3.1"], language: .ruby, version: "3.3.1"),
    ProcessCase(
      executable: "/usr/local/bin/ruby", environment: ["RUBY_VERSION=3.3.1"],
      maps: ["/usr/local/lib/libruby.so.3.2.2"], language: .ruby, version: "3.2"),
    ProcessCase(
      executable: "/opt/passenger", maps: ["/usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1"], language: .ruby,
      version: "3.1"),
    ProcessCase(
      executable: "/usr/bin/ruby", maps: ["/usr/lib/ruby/3.1.0/json/ext.so"], language: .ruby, version: "3.1"),
    ProcessCase(
      executable: "/opt/ruby/bin/ruby", maps: ["/opt/ruby/lib/ruby/3.2.0/x86_64-linux/json/ext.so"], language: .ruby,
      version: "3.2"),
    ProcessCase(executable: "/usr/bin/php8.2", language: .php, version: "8.2"),
    ProcessCase(
      executable: "/usr/sbin/apache2", maps: ["/usr/lib/apache2/modules/libphp8.2.so"], language: .php, version: "8.2"
    ),
    ProcessCase(
      executable: "/usr/sbin/mariadbd", environment: ["MARIADB_VERSION=1:10.11.6+maria~ubu"],
      language: .mysql, version: "1"),
    ProcessCase(
      executable: "/usr/lib/postgresql/15/bin/postgres", language: .postgres, version: "15"),
    ProcessCase(
      executable: "/usr/bin/redis-server", environment: ["REDIS_VERSION=7.2.4"], language: .redis, version: "7.2.4"),
    ProcessCase(executable: "/usr/bin/redis-check-rdb", language: nil),
    ProcessCase(executable: "/srv/app", maps: ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30"], language: .cplusplus),
    ProcessCase(executable: "/srv/app", maps: ["/usr/lib/libc++.so.1"], language: .cplusplus),
    ProcessCase(
      executable: "/usr/sbin/nginx", environment: ["NGINX_VERSION=1.25.3"], language: .nginx, version: "1.25.3"),
    // What the executable is outranks a library that it has loaded.
    ProcessCase(
      executable: "/usr/lib/postgresql/15/bin/postgres", maps: ["/usr/lib/libpython3.11.so.1.0"], language: .postgres,
      version: "15"),
    ProcessCase(executable: "/bin/sh"), ProcessCase(executable: nil), ProcessCase(executable: "/pause"),
  ]

  /// What runs beside applications: it must not be taken for one.
  static let infrastructure: [ProcessCase] = [
    // Debian's Redis is one executable with its tools.
    ProcessCase(
      executable: "/usr/bin/redis-check-rdb", arguments: ["/usr/bin/redis-server 127.0.0.1:6379"], language: .redis),
    ProcessCase(
      executable: "/usr/bin/redis-check-rdb", arguments: ["redis-sentinel *:26379 [sentinel]"], language: .redis),
    ProcessCase(executable: "/usr/bin/redis-check-rdb", arguments: ["redis-check-rdb", "dump.rdb"]),
    ProcessCase(executable: "/usr/bin/redis-check-rdb"),
    ProcessCase(executable: "/usr/bin/redis-cli", arguments: ["redis-cli", "-h", "redis-server"]),
    ProcessCase(
      executable: "/usr/sbin/mysqld", arguments: ["mysqld"], environment: ["MYSQL_VERSION=8.0.36-1.el8"],
      maps: ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6"], language: .mysql, version: "8.0.36"),
    ProcessCase(
      executable: "/usr/lib/postgresql/16/bin/postgres", arguments: ["postgres: checkpointer "],
      maps: ["/usr/lib/postgresql/16/lib/plpython3.so", "/usr/lib/libpython3.11.so.1.0"], language: .postgres,
      version: "16"),
    ProcessCase(executable: "/usr/bin/psql"), ProcessCase(executable: "/usr/bin/mysqld_safe"),
    ProcessCase(
      executable: "/usr/sbin/nginx", arguments: ["nginx: worker process"],
      maps: ["/usr/lib/nginx/modules/ngx_http_perl_module.so"], language: .nginx),
    ProcessCase(
      executable: "/usr/lib/erlang/erts-13.1.5/bin/beam.smp", arguments: ["beam.smp", "-name", "rabbit@x"],
      maps: ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6"], language: .cplusplus),
    ProcessCase(executable: "/usr/bin/memcached"), ProcessCase(executable: "/usr/sbin/haproxy"),
    ProcessCase(executable: "/usr/local/bin/envoy"), ProcessCase(executable: "/usr/bin/node_exporter"),
    ProcessCase(executable: "/usr/sbin/apache2", maps: ["/usr/lib/apache2/modules/mod_proxy_fcgi.so"]),
    ProcessCase(
      executable: "/usr/lib/passenger/PassengerAgent", maps: ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6"],
      language: .cplusplus),
    // Kernel threads have neither an executable nor arguments.
    ProcessCase(executable: nil, arguments: []),
    // Runtimes of JavaScript that are not Node.js.
    ProcessCase(executable: "/usr/local/bin/bun"), ProcessCase(executable: "/usr/bin/deno"),
    ProcessCase(executable: "/usr/bin/qjs"),
  ]

  @Test(arguments: python + java + others + infrastructure) func recognises(_ process: ProcessCase) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(
      1, executable: process.executable.map { "\($0) (deleted)" }, arguments: process.arguments,
      environment: process.environment, maps: process.maps, rootFiles: process.files)
    let runtime = try #require(fixture.tree.facts(of: 1)).runtime
    #expect(runtime?.language == process.language)
    #expect(runtime?.version ?? "" == process.version)
    #expect((runtime == nil) == (runtime?.evidence.isEmpty ?? true))
  }

  @Test func saysWhatItSaw() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, executable: "/usr/local/bin/python3.11", environment: ["PYTHON_VERSION=3.11.4"])
    #expect(
      fixture.tree.facts(of: 1)?.runtime?.evidence == [
        "executable /usr/local/bin/python3.11", "version from PYTHON_VERSION=3.11.4",
      ])
  }

  @Test func evidenceIsShort() throws {
    let fixture = try ProcessTreeFixture()
    let path = String(repeating: "/" + String(repeating: "x", count: 200), count: 15) + "/python3.11"
    try fixture.add(1, executable: path)
    let runtime = try #require(fixture.tree.inspect([1]).runtime)
    #expect(runtime.version == "3.11")
    #expect(runtime.evidence.allSatisfy { $0.utf8.count < 600 })
  }
}
