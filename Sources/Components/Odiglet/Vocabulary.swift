// The words of Odiglet that others rely on.
