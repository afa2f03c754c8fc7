// The words of OdigosCLI that others rely on.
