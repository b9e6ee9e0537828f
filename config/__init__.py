"""The project: the only place that knows all the apps."""
