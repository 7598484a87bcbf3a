"""Bytes to requests, events to bytes: everything between a transport and the chat. Pure.

Framing      cuts a stream of bytes into payloads.
Boundary     `messages`: the one place where a payload becomes a Request or an Event, strictly.
Connection   a machine for one peer, one class a role: bytes go in, Requests or Events are
             pulled out. It never asks for the time and never sends.
Wire         a stateless encoder of events for one format, so that one blob serves all members
             of a room who speak it.
"""
