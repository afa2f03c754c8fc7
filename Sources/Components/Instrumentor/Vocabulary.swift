// The words of Instrumentor that others rely on.
