"""WebSocket as RFC 6455 has it, against an echo on the server's own classes."""
