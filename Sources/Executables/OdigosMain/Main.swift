@main
struct OdigosMain {
  static func main() {}
}
