@main
struct InstrumentorMain {
  static func main() {}
}
