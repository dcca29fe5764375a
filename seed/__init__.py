"""Demonstration and benchmark data."""
