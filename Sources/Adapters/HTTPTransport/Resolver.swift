import EventLoop
import Glibc

/// Resolves names without keeping the loop waiting: `getaddrinfo` blocks, so it has a thread of its own each time.
enum Resolver {
  static func resolve(
    _ address: SocketAddress, then body: @escaping @Sendable (Result<[ResolvedAddress], SystemError>) -> Void
  ) {
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(address: address, body: body))
    let code = pthread_create(&thread, nil, runWork, work.toOpaque())
    guard code == 0 else {
      work.release()
      return body(.failure(SystemError("pthread_create", code: code)))
    }
    pthread_detach(thread)
  }

  fileprivate static func resolveHere(_ address: SocketAddress) throws(SystemError) -> [ResolvedAddress] {
    switch address {
    case .unix(let path): [try ResolvedAddress(unix: path)]
    case .tcp(let host, let port): try ResolvedAddress.resolve(host: host, port: port, passive: false)
    }
  }

  fileprivate final class Work {
    let address: SocketAddress
    let body: @Sendable (Result<[ResolvedAddress], SystemError>) -> Void

    init(address: SocketAddress, body: @escaping @Sendable (Result<[ResolvedAddress], SystemError>) -> Void) {
      self.address = address
      self.body = body
    }

    func run() {
      do throws(SystemError) {
        body(.success(try Resolver.resolveHere(address)))
      } catch {
        body(.failure(error))
      }
    }
  }
}

private func runWork(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let argument { Unmanaged<Resolver.Work>.fromOpaque(argument).takeRetainedValue().run() }
  return nil
}
