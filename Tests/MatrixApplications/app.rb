# frozen_string_literal: true

require "sinatra"
$stdout.sync = true
puts "own: nothing"
set :bind, "0.0.0.0"
set :port, 8080
disable :protection, :logging
get("/") { "ruby" }
