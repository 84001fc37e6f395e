"""The reference kit."""
