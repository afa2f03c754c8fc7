// The words of Telemetry that others rely on.
