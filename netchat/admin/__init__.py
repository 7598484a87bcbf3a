"""The operator's door: a Unix socket in the data folder, and the commands that speak to it.

Requests    what an operator can ask of the running server, and what is answered. Plain data.
Socket      where the door is, who may come in.
Door        one connection is one operator's; its requests are served in order, on the loop.
Handlers    what each request does to the chat.
Client      one question, one answer; it waits.
Commands    `netchat user`, `token` and `acts`, read and printed.
"""
