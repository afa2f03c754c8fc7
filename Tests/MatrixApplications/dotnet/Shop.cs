using System;
using System.Net;
using System.Net.Sockets;
using System.Text;

/// <summary>A plain web server.</summary>
public static class Shop
{
    public static void Main()
    {
        Console.WriteLine("own: hook " + (Environment.GetEnvironmentVariable("SHOP_HOOK") ?? "missing"));
        var port = int.Parse(Environment.GetEnvironmentVariable("PORT") ?? "8080");
        var listener = new TcpListener(IPAddress.Any, port);
        listener.Start();
        var answer = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n.net");
        while (true)
        {
            using (var client = listener.AcceptTcpClient())
            {
                try
                {
                    var stream = client.GetStream();
                    stream.ReadTimeout = 2000;
                    stream.Read(new byte[4096], 0, 4096);
                    stream.Write(answer, 0, answer.Length);
                }
                catch (System.IO.IOException)
                {
                }
            }
        }
    }
}
