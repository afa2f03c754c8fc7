# frozen_string_literal: true

# The little of protobuf and HTTP that OpAMP needs, without the program's libraries.
module OdigosWire
  TIMEOUT_SECONDS = 2.0
  LARGEST_ANSWER = 1 << 20
  PATH = "/v1/opamp"

  class Malformed < StandardError; end

  module_function

  def varint(value)
    value &= (1 << 64) - 1
    out = []
    while value > 0x7F
      out << (value & 0x7F | 0x80)
      value >>= 7
    end
    (out << value).pack("C*")
  end

  def number(field, value) = varint(field << 3) + varint(value)

  def fixed64(field, value) = varint(field << 3 | 1) + [value].pack("Q<")

  def bytes(field, value)
    value = value.to_s.b
    varint(field << 3 | 2) + varint(value.bytesize) + value
  end

  # Calls the block with the fields of a message: number, and an Integer or a String of bytes.
  def fields(data)
    at = 0
    read = lambda do
      value = shift = 0
      loop do
        byte = data.getbyte(at) or raise Malformed, "a number is cut off"
        raise Malformed, "a number has no end" if shift > 63

        at += 1
        value |= (byte & 0x7F) << shift
        return_value = value if byte < 0x80
        break return_value if return_value

        shift += 7
      end
    end
    while at < data.bytesize
      tag = read.call
      next yield(tag >> 3, read.call) if (tag & 7).zero?

      size = { 1 => 8, 5 => 4 }[tag & 7] || (tag & 7 == 2 ? read.call : data.bytesize + 1)
      raise Malformed, "a field is cut off" if at + size > data.bytesize

      value = data.byteslice(at, size)
      at += size
      yield(tag >> 3, value)
    end
  end

  def first(data, number, default)
    fields(data) { |found, value| return value if found == number && value.instance_of?(default.class) }
    default
  end

  # To the Unix socket where there is one, else to the port.
  class Connection
    SERVER = /\A\[?(.*?)\]?(?::(\d+))?\z/

    def initialize(path, server)
      has_socket = !path.to_s.empty? && (server.to_s.empty? || File.exist?(path))
      host, port = server.to_s.match(SERVER)&.captures # of IPv6 with brackets and without
      @socket = has_socket ? UNIXSocket.new(path) : Socket.tcp(host, Integer(port || 80), connect_timeout: TIMEOUT_SECONDS)
    end

    # The body of the answer. Raises where it is none in time.
    def post(body, seconds = TIMEOUT_SECONDS)
      @deadline = now + seconds
      write("POST #{PATH} HTTP/1.1\r\nHost: odigos\r\nContent-Type: application/x-protobuf\r\n" \
            "Content-Length: #{body.bytesize}\r\n\r\n".b + body)
      buffer = +"".b
      buffer << read until (ends = buffer.index("\r\n\r\n")) || buffer.bytesize > LARGEST_ANSWER
      head = buffer.byteslice(0, ends.to_i)
      raise Malformed, "status #{head[/\A\S+ (\d+)/, 1]}" unless head.match?(%r{\AHTTP/1\.[01] 200})

      size = Integer(head[/^content-length: *(\d+)/i, 1] || raise(Malformed, "an answer without a length"))
      raise Malformed, "an answer of #{size} bytes" if size > LARGEST_ANSWER

      answer = buffer.byteslice(ends + 4, buffer.bytesize)
      answer << read while answer.bytesize < size
      answer.byteslice(0, size)
    end

    def close
      @socket.close
    rescue StandardError
      nil
    end

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def wait(reading, writing)
      left = @deadline - now
      raise Malformed, "no answer in time" unless left.positive? && IO.select(reading, writing, nil, left)
    end

    def write(data)
      until data.empty?
        written = @socket.write_nonblock(data, exception: false)
        written == :wait_writable ? wait(nil, [@socket]) : data = data.byteslice(written, data.bytesize)
      end
    end

    def read
      loop do
        data = @socket.read_nonblock(65_536, exception: false)
        raise Malformed, "the answer is cut off" if data.nil?
        return data unless data == :wait_readable

        wait([@socket], nil)
      end
    end
  end
end
