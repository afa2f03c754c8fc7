import OdigosCLI

@main
struct OdigosMain {
  static func main() async {
    await OdigosCommand.main()
  }
}
