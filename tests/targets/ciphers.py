# SPDX-License-Identifier: GPL-2.0-only
"""TLS between two ends in one process: handshakes and data, each in a function of its own.   ciphers.py SECONDS CERTIFICATE

The file holds a certificate and its key."""
import ssl

from target import argument, ready, stop

DATA = b"x" * 16384
FILE = argument(1, "")

server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if hasattr(ssl, "PROTOCOL_TLS_SERVER") else ssl.PROTOCOL_TLS)
server_side.load_cert_chain(FILE)
client_side = ssl.create_default_context(cafile=FILE)
client_side.check_hostname = False


class End:
    """One end of a connection, whose bytes are moved by hand."""

    def __init__(self, context, **how):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, **how)


def move(end, other):
    other.incoming.write(end.outgoing.read())


def shake(end):
    """True: done."""
    try:
        end.tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def work_handshake():
    client, server = End(client_side, server_hostname="localhost"), End(server_side, server_side=True)
    done = False
    while not done:
        done = shake(client)
        move(client, server)
        done = shake(server) and done
        move(server, client)
    return client, server


def work_write(client):
    client.tls.write(DATA)


def work_read(server):
    left = len(DATA)
    while left:
        left -= len(server.tls.read(left))


ready()
while not stop:
    ends = work_handshake()
    for _ in range(40):
        work_write(ends[0])
        move(*ends)
        work_read(ends[1])
