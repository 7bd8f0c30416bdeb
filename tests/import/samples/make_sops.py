"""Makes the samples of sops: values and MAC by the package `sops` 1.18, which is the
program's first implementation, the data key wrapped by the program `age`.

Run by hand; the results are committed. All values are made up.
"""

import copy
import hashlib
import json
import re
import subprocess
from pathlib import Path

import ruamel.yaml
import sops

HERE = Path(__file__).parent
KEY = bytes(range(100, 132))
VALUES = {
    "db": {"user": "app", "password": "made-up \"1\"\nsecond line", "port": 5432, "tls": True,
           "ratio": 1.5, "empty": "", "note_unencrypted": "not sealed"},
    "tokens": ["made-up-2", {"name": "made-up-3"}],
    "grün": "ü日",
}


def age_entry():
    key = HERE / "sops-age.txt"
    if not key.exists():
        subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
    sealed = subprocess.run(["age", "-a", "-r", recipient], input=KEY, check=True, capture_output=True).stdout
    return {"recipient": recipient, "enc": sealed.decode()}


def tree(values, more=None):
    data = copy.deepcopy(values)
    data["sops"] = {"kms": [], "gcp_kms": [], "azure_kv": [], "hc_vault": [], "age": [age_entry()],
                    "lastmodified": "", "mac": "", "pgp": [], "version": "3.9.0", **(more or {})}
    return sops.walk_and_encrypt(data, KEY)


def ruled(values, seals, more):
    """The same by a rule of later versions, which the package does not know: the values are sealed
    one by one. With mac_only_encrypted the MAC begins with the hash of `sops`."""
    only = more.get("mac_only_encrypted", False)
    digest = hashlib.sha512(hashlib.sha256(b"sops").digest() if only else b"")
    def walk(node, names):
        if isinstance(node, dict):
            return {k: walk(v, [*names, k]) for k, v in node.items()}
        if isinstance(node, list):
            return [walk(v, names) for v in node]
        if seals(names):
            return sops.encrypt(node, KEY, aad=(":".join(names) + ":").encode(), digest=digest)
        if not only:
            digest.update(sops.to_bytes(node))
        return node
    data = walk(values, [])
    time = "2026-01-01T00:00:00Z"
    mac = sops.encrypt(digest.hexdigest().upper(), KEY, aad=time.encode())
    data["sops"] = {"age": [age_entry()], "lastmodified": time, "mac": mac, "version": "3.9.0", **more}
    return data


def plain(node):
    if isinstance(node, dict):
        return {k: plain(v) for k, v in node.items()}
    return [plain(v) for v in node] if isinstance(node, list) else node


def dotenv(values):
    data = plain(tree(values))
    meta = data.pop("sops")
    flat = {"sops_lastmodified": meta["lastmodified"], "sops_mac": meta["mac"], "sops_version": "3.9.0",
            "sops_age__list_0__map_enc": meta["age"][0]["enc"].replace("\n", "\\n"),
            "sops_age__list_0__map_recipient": meta["age"][0]["recipient"]}
    return "".join(f"{name}={value}\n" for name, value in {**data, **flat}.items())


if __name__ == "__main__":
    (HERE / "sops.json").write_text(json.dumps(plain(tree(VALUES)), indent="\t") + "\n")
    yaml = ruamel.yaml.YAML()
    with (HERE / "sops.yaml").open("w") as out:
        yaml.dump(plain(tree(VALUES)), out)
    (HERE / "sops.env").write_text(dotenv({"DB_PASSWORD": "made-up-1", "DB_USER": "app", "EMPTY": ""}))
    ours = {"apiVersion": "v1", "replicas": 2, "data": {"password": "made-up-1"}, "stringData": {"on": True}}
    pattern = "^(data|stringData)$"
    regex = ruled(ours, lambda names: any(re.search(pattern, name) for name in names),
                  {"encrypted_regex": pattern, "mac_only_encrypted": True})
    with (HERE / "sops-regex.yaml").open("w") as out:
        yaml.dump(regex, out)
    ours = {"user": "app", "ratio": 0.5, "tls": False, "key_sealed": {"a": "made-up-1", "b": ["made-up-2"]}}
    suffix = ruled(ours, lambda names: any(name.endswith("_sealed") for name in names), {"encrypted_suffix": "_sealed"})
    (HERE / "sops-suffix.json").write_text(json.dumps(suffix, indent="\t") + "\n")
