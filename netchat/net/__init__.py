"""The network: sockets to bytes, on one selector. Knows nothing of chats or protocols.

Reactor: the selector loop; its tick has five phases. Pollable: what the selector wakes up.
Transport: the socket side of one peer; its bytes go to a TransportProtocol. Listener: a
listening socket that hands out accepted ones. Connector: an attempt to reach a listener.
"""
