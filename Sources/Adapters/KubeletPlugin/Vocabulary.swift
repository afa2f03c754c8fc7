// The words of KubeletPlugin that others rely on.
