"""A study of a published design by the cycle model: axes of design points, their records, and what they show."""
