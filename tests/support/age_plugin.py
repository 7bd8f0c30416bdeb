"""An age plugin for tests. What it does depends on the name that it is installed under:

vtest     wraps and unwraps
vpq       the same, with the label `postquantum`
vask      asks for a PIN, tells something, and asks for a confirmation before it unwraps
vpublic   asks for a line before it unwraps
vnosy     asks for a line before it wraps
vfail     answers with errors
vdie      ends before it answers
vmute     wraps, and never has a key

The key is symmetric and in the recipient as well as in the identity: good enough to see who
can open what, and for nothing else.
"""

import base64
import hmac
import os
import sys

CHARS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def b64(data):
    return base64.b64encode(data).decode().rstrip("=")


def unb64(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


def bech32_data(text):
    """The bytes in a bech32 string, whose checksum was looked at by the other side."""
    digits = [CHARS.index(c) for c in text.lower().rsplit("1", 1)[1][:-6]]
    bits = "".join(f"{d:05b}" for d in digits)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - 7, 8))


def send(tag, args=(), body=b""):
    text = b64(body)
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    if not lines or len(lines[-1]) == 64:
        lines.append("")
    sys.stdout.write("-> " + " ".join([tag, *args]) + "\n" + "\n".join(lines) + "\n")
    sys.stdout.flush()


def receive():
    line = sys.stdin.readline()
    if not line:
        sys.exit(1)
    _, tag, *args = line.split()
    body = ""
    while True:
        part = sys.stdin.readline().rstrip("\n")
        body += part
        if len(part) < 64:
            return tag, args, unb64(body)


def ask(tag, args=(), body=b""):
    send(tag, args, body)
    answer, args, body = receive()
    return (args, body) if answer == "ok" else None


def told():
    """All that the other side has to say."""
    while True:
        stanza = receive()
        if stanza[0] == "done":
            return
        yield stanza


def pad(key, salt):
    return hmac.digest(key, b"pad" + salt, "sha256")[:16]


def wrap(key, file_key):
    salt = os.urandom(16)
    hidden = bytes(a ^ b for a, b in zip(file_key, pad(key, salt)))
    return salt, hidden + hmac.digest(key, salt + hidden, "sha256")[:16]


def unwrap(key, salt, body):
    hidden, tag = body[:16], body[16:]
    if not hmac.compare_digest(tag, hmac.digest(key, salt + hidden, "sha256")[:16]):
        return None
    return bytes(a ^ b for a, b in zip(hidden, pad(key, salt)))


def recipient(kind):
    keys, file_keys = [], []
    for tag, args, body in told():
        if tag == "add-recipient":
            keys.append(bech32_data(args[0]))
        elif tag == "wrap-file-key":
            file_keys.append(body)
    if kind == "vnosy" and not ask("request-public", body=b"Who is it for?"):
        ask("error", ["internal"], b"no answer")
    elif kind == "vfail":
        ask("error", ["recipient", "0"], b"the token has \x1b[31mno ink")
    else:
        if kind == "vpq":
            ask("labels", ["postquantum"])
        for index, file_key in enumerate(file_keys):
            for key in keys:
                salt, body = wrap(key, file_key)
                ask("recipient-stanza", [str(index), "vault-test", b64(salt)], body)
    send("done")


def identity(kind):
    keys, stanzas = [], []
    for tag, args, body in told():
        if tag == "add-identity":
            keys.append(bech32_data(args[0]))
        elif tag == "recipient-stanza" and args[1] == "vault-test":
            stanzas.append((args[0], unb64(args[2]), body))
    found = [(i, unwrap(key, salt, body)) for i, salt, body in stanzas for key in keys]
    found = [(i, file_key) for i, file_key in found if file_key]
    if found and kind == "vask":
        ask("msg", body=b"touch \x1b[31mthe token")
        pin = ask("request-secret", body=b"PIN of the token?")
        sure = pin and ask("confirm", [b64(b"go on"), b64(b"leave")], b"Really?")
        if not sure or pin[1] != b"1234" or sure[0] != ["yes"]:
            ask("error", ["identity", "0"], b"no entry")
            found = []
    if found and kind == "vpublic":
        answer = ask("request-public", body=b"Which slot?")
        if not answer or answer[1] != b"7":
            ask("error", ["identity", "0"], b"an empty slot")
            found = []
    if kind == "vfail":
        ask("error", ["identity", "0"], b"the token has \x1b[31mno ink")
    elif kind != "vmute":
        for index, file_key in found[:1]:
            ask("file-key", [index], file_key)
    send("done")


KIND = os.path.basename(sys.argv[0]).removeprefix("age-plugin-")
if KIND == "vdie":
    sys.exit(1)
{"--age-plugin=recipient-v1": recipient, "--age-plugin=identity-v1": identity}[sys.argv[1]](KIND)
