"""Figures for the operator: a line in the log, and a door for programs that watch the server.

Everything is counted where it happens, as plain integers. Here they are only read.
"""
