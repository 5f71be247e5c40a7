"""Clients that we did not write, against the real server and the simulator."""
