"""Reads an export as others do: {"format": …, "text": base64} on stdin, the values as a list of
[name, base64] on stdout."""
import base64, csv, io, json, sys
import yaml

job = json.load(sys.stdin)
text = base64.b64decode(job["text"]).decode()


def value(of):
    assert ("value" in of) != ("b64" in of), of
    return of["value"].encode() if "value" in of else base64.b64decode(of["b64"], validate=True)


def secrets(all):
    for secret in all:
        for field in secret.get("fields", [secret]):
            yield secret["path"] + "#" + field.get("name", ""), value(field)


def rows():
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        whole = row["value"].encode() or base64.b64decode(row["b64"], validate=True)
        yield row["path"] + "#" + row["field"], whole


pairs = {
    "json": lambda: secrets(json.loads(text)),
    "yaml": lambda: secrets(yaml.safe_load(text)),
    "csv": rows,
    "k8s-secret": lambda: (
        (name, base64.b64decode(data, validate=True))
        for name, data in yaml.safe_load(text)["data"].items()
    ),
}[job["format"]]()
json.dump([[name, base64.b64encode(data).decode()] for name, data in pairs], sys.stdout)
