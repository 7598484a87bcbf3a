"""Hostile input, guided by coverage: what each parser and the whole session must survive.

`targets` says what has to hold for any bytes at all. `python -m tests.fuzz` lets atheris look
for bytes that break it, for as many runs as are asked for; the tests try what it has found
worth keeping (`corpus`), and bytes that hypothesis draws.
"""
