// The words of Scheduler that others rely on.
