import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URL;
import java.util.concurrent.Executors;

/** A plain web server that asks its own stock for each page: agents trace the server, the client, or both. */
public final class Shop {
  private Shop() {}

  public static void main(String[] arguments) throws Exception {
    System.out.println("own: property " + System.getProperty("shop.name", "missing"));
    HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/stock", exchange -> answer(exchange, 200));
    server.createContext("/", exchange -> answer(exchange, ask("http://127.0.0.1:8080/stock")));
    server.start();
  }

  private static int ask(String address) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) new URL(address).openConnection();
    connection.setReadTimeout(4000);
    return connection.getResponseCode();
  }

  private static void answer(HttpExchange exchange, int status) throws IOException {
    byte[] body = "java".getBytes();
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }
}
