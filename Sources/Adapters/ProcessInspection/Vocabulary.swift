// The words of ProcessInspection that others rely on.
