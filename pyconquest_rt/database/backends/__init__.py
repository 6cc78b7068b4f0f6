"""The databases that an index can lie in; each module here is one, and the only place that imports its driver."""
