import KubeClient
import Testing

@Suite struct KubeTimeTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0),
    ("2023-11-14T22:13:20Z", 1_700_000_000_000_000),
    ("2000-02-29T23:59:59Z", 951_868_799_000_000),
    ("2024-12-31T23:59:59Z", 1_735_689_599_000_000),
    ("1969-12-31T23:59:59Z", -1_000_000),
    ("2106-02-07T06:28:16Z", 4_294_967_296_000_000),
  ])
  func readsAndWritesSeconds(_ text: String, _ microseconds: Int) {
    #expect(KubeTime(text)?.microseconds == microseconds)
    #expect(KubeTime(microseconds: microseconds).text == text)
  }

  @Test(arguments: [
    ("2023-11-14T22:13:20.000001Z", 1_700_000_000_000_001),
    ("2023-11-14T22:13:20.500000Z", 1_700_000_000_500_000),
    ("1969-12-31T23:59:59.999999Z", -1),
  ])
  func readsAndWritesMicroseconds(_ text: String, _ microseconds: Int) {
    #expect(KubeTime(text)?.microseconds == microseconds)
    #expect(KubeTime(microseconds: microseconds).microText == text)
  }

  @Test(arguments: [
    "2023-11-14T22:13:20.5Z", "2023-11-14T22:13:20.500000999Z", "2023-11-14T23:13:20.5+01:00",
    "2023-11-14T16:43:20.5-05:30", "2023-11-14t22:13:20.5z",
  ])
  func readsOtherForms(_ text: String) { #expect(KubeTime(text)?.microseconds == 1_700_000_000_500_000) }

  @Test(arguments: [
    "", "now", "2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z", "2023-11-14T24:13:20Z",
    "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20Zx", "2023-11-14T22:13:20+1:00", "2023-11-1_T22:13:20Z",
  ])
  func refusesTheRest(_ text: String) { #expect(KubeTime(text) == nil) }
}
