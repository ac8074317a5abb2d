"""What layers compute, as functions of arrays: they know shapes, and no model."""
