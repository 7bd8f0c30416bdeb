# Writes objects as nitor-vault and sneaker do, and wraps a key for sops. Each job names what.
import base64, boto3, json, os, struct, sys
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

job = json.load(sys.stdin)
at = {"endpoint_url": os.environ["ENDPOINT"], "region_name": "us-east-1"}
s3, kms = boto3.client("s3", **at), boto3.client("kms", **at)


def data_key(context):
    made = kms.generate_data_key(KeyId=job["kms"], KeySpec="AES_256", EncryptionContext=context)
    return made["Plaintext"], made["CiphertextBlob"]


def put(key, body):
    s3.put_object(Bucket=job["bucket"], Key=key, Body=body)


for name, value in job.get("nitor", {}).items():
    key, wrapped = data_key({})
    nonce, value = os.urandom(12), value.encode()
    meta = json.dumps({"alg": "AESGCM", "nonce": base64.b64encode(nonce).decode()},
                      separators=(",", ":"), sort_keys=True).encode()
    counter = Cipher(AES(key), CTR(bytes(14) + bytes([1337 // 256, 1337 % 256]))).encryptor()
    put(name + ".key", wrapped)
    put(name + ".encrypted", counter.update(value) + counter.finalize())
    if name not in job.get("ctr", []):
        put(name + ".aesgcm.encrypted", AESGCM(key).encrypt(nonce, value, meta))
        put(name + ".meta", meta)

for name, value in job.get("sneaker", {}).items():
    context = {**job.get("context", {}), "Path": f"s3://{job['bucket']}/{name}"}
    key, wrapped = data_key(context)
    nonce, form = os.urandom(12), name.rsplit("/", 1)[-1].split("-")[0]
    aad = job["kms"].encode()
    if form == "envelope":
        sealed = AESGCM(key).encrypt(bytes(12), value.encode(), aad)
        put(name + ".aes", struct.pack(">I", len(wrapped)) + wrapped + sealed)
        continue
    put(name + ".kms", wrapped)
    put(name + ".aes", nonce + AESGCM(key).encrypt(nonce, value.encode(), None if form == "old" else aad))

if "wrap" in job:
    wrapped = kms.encrypt(KeyId=job["kms"], Plaintext=base64.b64decode(job["wrap"]),
                          EncryptionContext=job.get("context", {}))
    print(base64.b64encode(wrapped["CiphertextBlob"]).decode())
