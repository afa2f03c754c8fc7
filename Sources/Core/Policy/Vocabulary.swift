// The words of Policy that others rely on.
