import Glibc

/// The metrics that every process has, under the names that Prometheus clients use.
enum ProcessMetrics {
  static func add(to health: HealthState, component: String) {
    let started = Double(time(nil))
    health.addMetric("odigos_build_info", help: "The running version.", kind: "gauge") {
      [("component=\"\(component)\",version=\"\(Version.current)\"", 1)]
    }
    health.addMetric("process_start_time_seconds", help: "When the process started, in Unix time.", kind: "gauge") {
      [("", started)]
    }
    health.addMetric("process_cpu_seconds_total", help: "User and system CPU time.", kind: "counter") {
      [("", cpuSeconds())]
    }
    health.addMetric("process_resident_memory_bytes", help: "Resident memory.", kind: "gauge") {
      residentBytes().map { [("", Double($0))] } ?? []
    }
    health.addMetric("process_open_fds", help: "Open file descriptors.", kind: "gauge") {
      openDescriptors().map { [("", Double($0))] } ?? []
    }
  }

  private static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The second number of `/proc/self/statm` is the resident pages.
  private static func residentBytes() -> Int? {
    let fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
      let count = read(fd, buffer.baseAddress, buffer.count)
      guard count > 0 else { return nil }
      let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
      guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
      return pages * sysconf(Int32(_SC_PAGESIZE))
    }
  }

  private static func openDescriptors() -> Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    // Without ".", ".." and the directory itself.
    return count - 3
  }
}
