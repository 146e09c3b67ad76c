"""Pictures of labelled results: one plot a file, and the only place that imports matplotlib."""
