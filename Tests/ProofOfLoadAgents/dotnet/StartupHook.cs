using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

/// <summary>
/// Says once that it was loaded into this process, when all that the agent consists of was; see ../README.md.
/// </summary>
internal static class StartupHook
{
    private static readonly string[] Variables =
    {
        "CORECLR_PROFILER_PATH", "DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE",
        "OTEL_DOTNET_AUTO_HOME", "LD_PRELOAD", "ODIGOS_DISTRO_NAME",
    };

    /// <summary>Called by the runtime before the application's Main.</summary>
    public static void Initialize()
    {
        new Thread(Report) { IsBackground = true }.Start();
    }

    private static void Report()
    {
        try
        {
            var body = Export(Resource());
            for (var attempt = 0; attempt < 60 && !Send(body); attempt++) Thread.Sleep(1000);
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine("proof of load: " + failure.Message);
        }
    }

    // .NET has its own copy of the variables; what the profiler has set since is the C library's alone.
    [DllImport("libc.so.6")]
    private static extern IntPtr getenv(string name);

    private static Dictionary<string, string> Resource()
    {
        var profiler = Marshal.PtrToStringAnsi(getenv("PROOF_PROFILER"));
        if (profiler == null) throw new InvalidOperationException("the profiler was not started");
        // only DOTNET_ADDITIONAL_DEPS and DOTNET_SHARED_STORE together lead to it
        var dependency = Assembly.Load("ProofDependency").Location;
        var resource = new Dictionary<string, string> { { "service.name", Variable("OTEL_SERVICE_NAME") } };
        foreach (var pair in Variable("OTEL_RESOURCE_ATTRIBUTES").Split(','))
        {
            var equals = pair.IndexOf('=');
            if (equals > 0) resource[pair.Substring(0, equals)] = pair.Substring(equals + 1);
        }
        resource["proof.runtime"] = ".NET " + Environment.Version;
        resource["proof.profiler"] = profiler;
        resource["proof.dependency"] = dependency;
        foreach (var name in Variables) resource["proof." + name] = Variable(name);
        return resource;
    }

    private static string Variable(string name)
    {
        return Environment.GetEnvironmentVariable(name) ?? "";
    }

    private static bool Send(byte[] body)
    {
        try
        {
            var request = WebRequest.CreateHttp(Variable("OTEL_EXPORTER_OTLP_ENDPOINT") + "/v1/traces");
            request.Method = "POST";
            request.ContentType = "application/x-protobuf";
            request.Timeout = 5000;
            using (var stream = request.GetRequestStream()) stream.Write(body, 0, body.Length);
            using (var response = (HttpWebResponse)request.GetResponse()) return response.StatusCode == HttpStatusCode.OK;
        }
        catch (WebException)
        {
            return false;
        }
    }

    // The few fields of OTLP that a span cannot do without, in protobuf's encoding.

    private static byte[] Export(Dictionary<string, string> resource)
    {
        var attributes = new MemoryStream();
        foreach (var entry in resource)
        {
            var value = Field(1, Encoding.UTF8.GetBytes(entry.Value));
            Append(attributes, Field(1, Join(Field(1, Encoding.UTF8.GetBytes(entry.Key)), Field(2, value))));
        }
        var trace = Guid.NewGuid().ToByteArray();
        var span = new byte[8];
        Array.Copy(Guid.NewGuid().ToByteArray(), span, span.Length);
        var now = (DateTime.UtcNow.Ticks - new DateTime(1970, 1, 1).Ticks) * 100;
        var fields = Join(
            Field(1, trace), Field(2, span), Field(5, Encoding.UTF8.GetBytes("proof-of-load")), Time(7, now), Time(8, now + 1));
        return Field(1, Join(Field(1, attributes.ToArray()), Field(2, Field(2, fields))));
    }

    private static byte[] Field(int number, byte[] value)
    {
        var bytes = new MemoryStream();
        bytes.WriteByte((byte)(number << 3 | 2));
        var length = value.Length;
        for (; length > 127; length >>= 7) bytes.WriteByte((byte)(length & 127 | 128));
        bytes.WriteByte((byte)length);
        Append(bytes, value);
        return bytes.ToArray();
    }

    private static byte[] Time(int number, long value)
    {
        var bytes = new byte[9];
        bytes[0] = (byte)(number << 3 | 1);
        for (var index = 0; index < 8; index++) bytes[index + 1] = (byte)(value >> (8 * index));
        return bytes;
    }

    private static byte[] Join(params byte[][] parts)
    {
        var bytes = new MemoryStream();
        foreach (var part in parts) Append(bytes, part);
        return bytes.ToArray();
    }

    private static void Append(MemoryStream to, byte[] bytes)
    {
        to.Write(bytes, 0, bytes.Length);
    }
}
