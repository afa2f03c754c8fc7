# frozen_string_literal: true

require "socket"
$stdout.sync = true
puts "own: nothing"
server = TCPServer.new("0.0.0.0", 8080)
loop do
  client = server.accept
  line = client.gets
  while (line = client.gets) && line != "\r\n" do end
  client.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nruby")
  client.close
end
