# frozen_string_literal: true

# Keeps the agent's threads from the lists of threads that a program asks Ruby for: programs wait for all that they find
# there, and these never end.
module OdigosThreads
  # Ruby's, from 3.2: one for all, which begins with whoever is the first to have a timeout. Here that is the exporter.
  TIMEOUTS = "Timeout stdlib thread"

  # A thread belongs to the group of the one that begins it. (No constant holds ours: a Ractor might not read it.)
  module List
    def list
      super.reject { |thread| thread.thread_variable_get(:odigos) || thread.group.instance_variable_get(:@odigos) }
    end
  end

  class << self
    def hide(thread)
      unless @group
        @group = ThreadGroup.new.tap { |group| group.instance_variable_set(:@odigos, true) }
        Thread.singleton_class.prepend(List)
      end
      thread.thread_variable_set(:odigos, true)
      thread.thread_variable_set(:fork_safe, true) # Puma warns of others
      @group.add(thread)
    rescue StandardError
      nil # the program has closed the group that it began in, or is in a Ractor
    end

    # Before the exporter has a timeout; unless the program has had one.
    def hide_timeouts
      return if timeouts || Fiber.current_scheduler # which has them itself

      require "timeout"
      Timeout.timeout(60) {}
      thread = timeouts
      hide(thread) if thread
    rescue StandardError, LoadError
      nil
    end

    private

    def timeouts = Thread.list.find { |thread| thread.name == TIMEOUTS }
  end
end
