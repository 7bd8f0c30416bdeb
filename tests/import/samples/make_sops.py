"""Makes the samples of sops: the values and the MAC by the package `sops` 1.18, which is the
program's first implementation, the data key wrapped by the program `age`.

Run by hand; the results are committed. All values are made up.
"""

import copy
import json
import os
import subprocess
import sys
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
