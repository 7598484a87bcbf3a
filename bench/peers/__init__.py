"""Peers: other servers, and how to speak to them."""
