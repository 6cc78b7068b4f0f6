"""Clinical goals: lists of limits for DVH metrics, and what a plan comes to by them."""
