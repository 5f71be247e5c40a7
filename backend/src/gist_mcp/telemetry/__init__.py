"""Measurements for whoever operates the server: metrics and traces, never about one person."""
