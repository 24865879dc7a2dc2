"""The figures of an experiment's page: a module a figure, each with `figure(reading)`."""
