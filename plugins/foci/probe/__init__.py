"""Probing one service URL, and judging what was seen."""
