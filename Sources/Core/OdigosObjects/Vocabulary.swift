// The words of OdigosObjects that others rely on.
