"""Makes the samples that are not written by hand: 1pux, kdbx, and the store of `pass`.

Run by hand, with pykeepass and gpg; the results are committed. All values are made up.
"""

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from pykeepass import create_database

HERE = Path(__file__).parent


def onepux():
    field = lambda title, kind, value: {"title": title, "id": "id-" + title, "value": {kind: value}}
    login = {
        "uuid": "a1", "state": "active", "categoryUuid": "001",
        "details": {
            "loginFields": [
                {"value": "ann", "id": "", "name": "username", "fieldType": "T", "designation": "username"},
                {"value": "made-up-1", "id": "", "name": "password", "fieldType": "P", "designation": "password"},
            ],
            "notesPlain": "first line\nsecond line",
            "sections": [{"title": "More", "name": "more", "fields": [
                field("one-time password", "totp", "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ"),
                field("PIN", "concealed", "made-up-pin"),
                field("mail", "email", {"email_address": "ann@example.com", "provider": None}),
                field("home", "address", {"street": "Made-up 1", "city": "", "zip": "0000"}),
                field("scan", "file", {"fileName": "scan.png", "documentId": "d1", "decryptedSize": 4}),
            ]}],
            "passwordHistory": [{"value": "made-up-old", "time": 1}],
        },
        "overview": {"title": "Example", "url": "https://example.com",
                     "urls": [{"label": "website", "url": "https://example.com"},
                              {"label": "", "url": "https://example.org"}], "tags": ["t"]},
    }
    password = {
        "uuid": "a2", "state": "archived", "categoryUuid": "005",
        "details": {"loginFields": [], "notesPlain": "", "sections": [], "password": "made-up-2"},
        "overview": {"title": "Only a password", "url": ""},
    }
    key = {
        "uuid": "a3", "state": "active", "categoryUuid": "114",
        "details": {"loginFields": [], "notesPlain": "", "sections": [{"title": "", "name": "", "fields": [
            field("private key", "sshKey", {"privateKey": "made-up key\nof two lines\n", "metadata": {}}),
        ]}]},
        "overview": {"title": "Deploy key", "url": ""},
    }
    document = {
        "uuid": "a4", "state": "active", "categoryUuid": "006",
        "details": {"loginFields": [], "notesPlain": "", "sections": [],
                    "documentAttributes": {"fileName": "plan.pdf", "documentId": "d2", "decryptedSize": 4}},
        "overview": {"title": "Plan", "url": ""},
    }
    data = {"accounts": [{"attrs": {"accountName": "Ann", "name": "Ann"}, "vaults": [
        {"attrs": {"uuid": "v1", "name": "Private", "type": "P"}, "items": [login, password]},
        {"attrs": {"uuid": "v2", "name": "Team", "type": "U"}, "items": [key, document]},
    ]}]}
    with zipfile.ZipFile(HERE / "export.1pux", "w", zipfile.ZIP_DEFLATED) as out:
        at = lambda name: zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
        out.writestr(at("export.attributes"), '{"version":3}')
        out.writestr(at("export.data"), json.dumps(data), zipfile.ZIP_DEFLATED)
        out.writestr(at("files/d1__scan.png"), b"\0\1\2\3")
    # 100 MiB of one letter in a string, in 100 KiB.
    with zipfile.ZipFile(HERE / "bomb.1pux", "w") as out:
        info = zipfile.ZipInfo("export.data", (2026, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        out.writestr(info, b'{"accounts":"' + b"a" * (100 << 20) + b'"}', compresslevel=9)


def kdbx():
    for name, keyfile in (("team.kdbx", None), ("keyfile.kdbx", HERE / "team.keyx")):
        path = HERE / name
        path.unlink(missing_ok=True)
        kp = create_database(str(path), password="made-up passphrase", keyfile=keyfile and str(keyfile))
        web = kp.add_group(kp.root_group, "Web")
        deep = kp.add_group(web, "Deep")
        kp.add_entry(kp.root_group, "Top", "root", "made-up-0")
        entry = kp.add_entry(web, "Example", "ann", "made-up-1", url="https://example.com",
                             notes="first line\nsecond line",
                             otp="otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ")
        entry.set_custom_property("API key", "made-up-key", protect=True)
        entry.set_custom_property("Region", "eu-west-1")
        entry.add_attachment(kp.add_binary(b"\0\1"), "scan.png")
        kp.add_entry(deep, "Grün & <Co>", "bob", "p\"ä\n\\")
        gone = kp.add_entry(web, "Gone", "old", "made-up-gone")
        kp.trash_entry(gone)
        kp.save()


def store():
    home = tempfile.mkdtemp()
    env = dict(os.environ, GNUPGHOME=home)
    os.chmod(home, 0o700)
    run = lambda *args, **more: subprocess.run(
        ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *args],
        env=env, check=True, capture_output=True, **more).stdout
    run("--quick-generate-key", "Made Up <made-up@example.com>", "default", "default", "never")
    target = HERE / "password-store"
    shutil.rmtree(target, ignore_errors=True)
    files = {
        "web/example": "made-up-1\nlogin: ann\nurl: https://example.com\nsome words\n"
                       "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ\n",
        "plain": "made-up-2",
        "keys/deploy": "-----BEGIN MADE-UP KEY-----\nAA\n-----END MADE-UP KEY-----\n",
    }
    (target / ".hidden").mkdir(parents=True)
    (target / ".hidden" / "not-ours.gpg").write_text("nothing")
    (target / ".gpg-id").write_text("made-up@example.com\n")
    for name, text in files.items():
        path = target / f"{name}.gpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(run("--trust-model", "always", "-r", "made-up@example.com", "--encrypt",
                             input=text.encode()))
    (HERE / "pass-key.asc").write_bytes(run("--armor", "--export-secret-keys"))
    subprocess.run(["gpgconf", "--kill", "all"], env=env)
    shutil.rmtree(home)


if __name__ == "__main__":
    (HERE / "team.keyx").write_bytes(bytes(range(32)))
    onepux()
    kdbx()
    store()
