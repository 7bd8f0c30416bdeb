"""A second reader, after docs/FORMAT.md: python3 vault_reader.py DIRECTORY JOIN-STRING PATH < age-secret-key
Prints the field `value` of the newest version. It follows the chain's signatures and believes the
states that admins signed; roles of authors, cuts and marks are left to the real program."""
import base64, hashlib, hmac, json, os, subprocess, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
root, join, path, age_key = *sys.argv[1:], sys.stdin.read().strip() if sys.argv[3:] else sys.exit(__doc__)
join = base64.urlsafe_b64decode(join[len("vault-join1"):] + "==")  # ends in V, seq, note hash, check
vault, pin_seq, pin = join[-76:-44], int.from_bytes(join[-44:-36], "big"), join[-36:-4]
b64, sha256 = lambda s: base64.b64decode(s, validate=True), lambda b: hashlib.sha256(b).digest()
lp, hkdf = lambda b: len(b).to_bytes(4, "big") + b, lambda ikm, salt, info, n=32: HKDF(SHA512(), n, salt, info).derive(ikm)
need = lambda holds, what: holds or sys.exit("refused: " + what)
def get(key):  # an object of a directory store
    *folders, name = key.split("/")
    with open(os.path.join(root, *[f + ".d" for f in folders], name + ".o"), "rb") as f:
        head, body = f.read().split(b"\n\n", 1)
    need(head.startswith(b"vault-object/1\netag: "), key)
    return dict(entry.split(": ", 1) for entry in head.decode("ascii").split("\n")[2:]), body
def pinned(digest):
    need(sha256(body := get(".vault/obj/" + digest)[1]).hex() == digest, "pinned object")
    return body
def verify(keys, key_id, signature, message):  # by the one of `keys` that has this id
    key = next((k for k in keys if sha256(k)[:8].hex() == key_id), None) or sys.exit("refused: not entitled: " + key_id)
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
# Team chain: note 0 is known by its hash; who signs the next note must be admin after the one before.
state, prev = [], bytes(32)
for seq in range(max(pin_seq + 1, len(os.listdir(os.path.join(root, ".vault.d", "team.d"))))):
    note = get(f".vault/team/{seq:016}")[1]
    text, line = note.decode().rsplit("\n\n", 1)
    fields = dict(part.split(" ", 1) for part in text.split("\n")[1:6])
    if seq > 0:
        admin = lambda f: f[0] == "recovery" or f[0] == "key" and ["role", f[2], "admin"] in state
        verify([bytes.fromhex(f[1]) for f in state if admin(f)], line.split(" ")[1], b64(line.strip().split(" ")[2])[4:], (text + "\n").encode())
    known = fields["vault"] in ("genesis", vault.hex()) and fields["prev"] == prev.hex() and fields["seq"] == str(seq)
    state, prev = [f.split(" ") for f in pinned(fields["state"]).decode().split("\n")[1:-1]], sha256(note)
    need(known and prev == {pin_seq: pin, 0: vault}.get(seq, prev), "another vault, or a broken chain")
# The head: signature over the record, then the data key down the folder tree, then the body.
meta, body = get("s/" + path)
header = dict(f.split("=", 1) for f in meta["vault-h"].split(";")[1:])
parts = [vault] + [s.encode() for s in (path, *(meta[m] for m in ("vault-h", "x-amz-c", "x-amz-i", "x-amz-d")))]
verify([bytes.fromhex(f[1]) for f in state if f[0] in ("key", "retired")], header["by"], b64(meta["vault-s"]), b"vault-object-v1\n" + b"".join(map(lp, parts)))
(group, gen), opened = header["g"].split("."), b""
for digest in next(f for f in state if f[:2] == ["keyring", group])[2:]:  # the first that opens counts
    pipe, end = os.pipe()
    with os.fdopen(end, "w") as f: f.write(age_key + "\n")
    opened = opened or subprocess.run(["age", "-d", "-i", f"/dev/fd/{pipe}"], input=pinned(digest), stdout=subprocess.PIPE, pass_fds=[pipe]).stdout
gk = b64(json.loads(need(opened, "no keyring for this key"))["keys"][int(gen) - 1]["gk"])
salt = sha256(b"vault/v1/root" + lp(vault) + lp(group.encode()) + int(gen).to_bytes(8, "big"))
key, *folders, name = hkdf(gk, salt, b"vault/v1/root"), *path.encode().split(b"/")
for label in [b"vault/v1/dir" + lp(folder) for folder in folders] + [b"vault/v1/leaf" + lp(name)]:
    key = hmac.digest(key, label, "sha512")[:32]
need((meta["x-amz-c"], meta["x-amz-w"], header["k"]) == ("115", "02", "doc"), "not a document of this format")
message_id, data_key = b64(meta["x-amz-i"]), AESGCM(key).decrypt((wrap := b64(meta["x-amz-3"]))[:12], wrap[12:], b"115")
need(hmac.compare_digest(hkdf(data_key, message_id, b"\0sCOMMITKEY", 28), b64(meta["x-amz-d"])), "commitment")
need(sha256(body) == b64(header["body"]), "the body is not the signed one")
plain = json.loads(AESGCM(hkdf(data_key, message_id, b"\0sDERIVEKEY")).decrypt(b"\1" * 12, body, b"\0s"))
field = next(field for field in plain["fields"] if field["name"] == "value")
sys.stdout.buffer.write(b64(field["b64"]) if "b64" in field else field["value"].encode())
