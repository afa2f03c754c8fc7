// The words of Autoscaler that others rely on.
