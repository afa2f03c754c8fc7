@main
struct OdigletMain {
  static func main() {}
}
