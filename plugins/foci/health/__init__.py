"""Alert states: keys, samples, pending, firing and resolved, self-check, certificates. Pure."""
