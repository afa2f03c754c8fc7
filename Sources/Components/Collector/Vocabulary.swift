// The words of Collector that others rely on.
