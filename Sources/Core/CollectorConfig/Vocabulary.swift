// The words of CollectorConfig that others rely on.
