# frozen_string_literal: true

# Whose gems are used. A gem of the program wins over the agent's, as a whole and never mixed with it, if what else is used
# of the agent's accepts its version (Gemfile.lock beside the bundle says what is needed); else the program is not traced.
# A program that has OpenTelemetry's SDK itself sees to its traces itself: it is left alone.
class OdigosGems
  class Conflict < StandardError; end

  SDK = "opentelemetry-sdk"
  # What tells that a gem can be required: the agent's copy must not be hidden by half of another one.
  FEATURES = { "google-protobuf" => "google/protobuf", "googleapis-common-protos-types" => "google/rpc/status_pb" }.freeze

  def initialize(bundle)
    @first, @last = [], []
    ours = ours(bundle)
    theirs = ours.keys.to_h { |name| [name, theirs(name)] }.compact
    raise Conflict, "the program has #{SDK} #{theirs[SDK].version} itself" if theirs[SDK]

    compare(theirs, File.join(bundle, "..", "Gemfile.lock"))
    theirs.each_value { |spec| @last.concat(spec.full_require_paths) }
    ours.each { |name, directory| add(name, File.join(directory, "lib")) unless theirs[name] }
  end

  # With the gems where `require` finds them. What is activated meanwhile is forgotten: another version of it may be
  # chosen by the program.
  def visible
    activated = Gem.loaded_specs.keys
    first, last = [@first, @last].map { |paths| paths - $LOAD_PATH }
    $LOAD_PATH.unshift(*first).concat(last)
    yield
  ensure
    (first + last).each { |path| $LOAD_PATH.delete(path) } if last
    (Gem.loaded_specs.keys - activated).each { |name| Gem.loaded_specs.delete(name) } if activated
  end

  private

  # The gems of the bundle by name; of those with compiled parts that for this machine and C library.
  def ours(bundle)
    directories = Dir.children(File.join(bundle, "gems")).sort.filter_map do |directory|
      match = directory.match(/\A(?<name>.+?)-\d[^-]*(?:-(?<platform>.+))?\z/) or next
      next unless match[:platform].nil? || match[:platform] == platform

      [match[:name], File.join(bundle, "gems", directory)]
    end
    raise Conflict, "#{bundle} has no gems" if directories.empty?

    directories.to_h
  end

  def platform
    cpu = RbConfig::CONFIG["host_cpu"].sub("arm64", "aarch64")
    "#{cpu}-linux-#{RUBY_PLATFORM.include?("musl") ? "musl" : "gnu"}"
  end

  # What those of our gems that are used need of the program's.
  def compare(theirs, lock)
    needing = nil
    File.foreach(lock) do |line|
      needing = line[/\A    (\S+) \(/, 1] || needing
      name, text = line.match(/\A      (\S+)(?: \((.+)\))?$/)&.captures
      next unless name && theirs[name] && !theirs[needing]

      requirement = Gem::Requirement.new(*text.to_s.split(", "))
      version = theirs[name].version
      raise Conflict, "the program's #{name} #{version} is not #{requirement}, as #{needing} needs it" unless
        requirement.satisfied_by?(version)
    end
  end

  # The gem that is active, or that `require` would activate: with Bundler only those of its Gemfile are to be seen.
  def theirs(name)
    Gem.loaded_specs[name] || Gem::Specification.stubs_for(name).max_by(&:version)&.to_spec
  end

  def add(name, path)
    feature = FEATURES.fetch(name) { name.start_with?("opentelemetry-api") ? "opentelemetry" : name }
    _, found = $LOAD_PATH.resolve_feature_path(feature)
    return @last << path if found.nil?

    libraries = RbConfig::CONFIG.values_at("rubylibdir", "sitedir", "vendordir").compact
    raise Conflict, "the program has a #{feature} of its own: #{found}" unless found.start_with?(*libraries)

    @first << path # a part of the system that is no gem of the program
  end
end
