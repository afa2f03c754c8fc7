@main
struct AutoscalerMain {
  static func main() {}
}
