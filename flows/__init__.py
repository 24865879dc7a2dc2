"""When and in what order: the nightly flow, its schedule, and the command line. Logic lives below."""
