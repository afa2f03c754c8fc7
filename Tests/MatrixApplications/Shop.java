import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

/** A plain web server. */
public final class Shop {
  private Shop() {}

  public static void main(String[] arguments) throws Exception {
    System.out.println("own: property " + System.getProperty("shop.name", "missing"));
    HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] body = "java".getBytes();
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
  }
}
