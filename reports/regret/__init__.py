"""Studies of what a cheap model's choices lose: the same designs by the analytic model and by the cycle model."""
