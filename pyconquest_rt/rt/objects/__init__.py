"""RT objects to rows: structure sets, plans, beams, doses, and how they refer to each other."""
