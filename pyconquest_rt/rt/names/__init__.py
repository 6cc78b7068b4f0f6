"""ROI names: what they are cleaned to, and the TG-263 names that they are mapped to."""
