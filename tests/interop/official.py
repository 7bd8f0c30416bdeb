"""The official S3 encryption client for Python, told on stdin what to do (JSON), telling on stdout
what came of it. `get`: reads objects, with KMS or with a raw AES key; `put`: writes them."""

import base64
import hashlib
import json
import os
import sys

import boto3
from attrs import define, field
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.materials.keyring import S3Keyring
from s3_encryption.materials.kms_keyring import KmsKeyring
from s3_encryption.materials.materials import AlgorithmSuite, CommitmentPolicy


@define
class LeafKeyring(S3Keyring):
    """A raw AES key, for one object: what it wraps is bound to the suite's name only."""

    key: bytes = field()

    def on_encrypt(self, enc_materials):
        raise NotImplementedError

    def on_decrypt(self, dec_materials, encrypted_data_keys=None):
        dec_materials = super().on_decrypt(dec_materials, encrypted_data_keys)
        wrapped = (encrypted_data_keys or dec_materials.encrypted_data_keys)[0].encrypted_data_key
        dec_materials.plaintext_data_key = AESGCM(self.key).decrypt(wrapped[:12], wrapped[12:], b"115")
        return dec_materials


def service(name):
    return boto3.client(name, endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1")


def client(job):
    if "leaf" in job:
        return S3EncryptionClient(service("s3"), S3EncryptionClientConfig(LeafKeyring(bytes.fromhex(job["leaf"]))))
    keyring = KmsKeyring(service("kms"), job["kms"])
    if job.get("older"):
        config = S3EncryptionClientConfig(
            keyring,
            encryption_algorithm=AlgorithmSuite.ALG_AES_256_GCM_IV12_TAG16_NO_KDF,
            commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
        )
    else:
        config = S3EncryptionClientConfig(keyring)
    return S3EncryptionClient(service("s3"), config)


def run(job):
    where = {"Bucket": job["bucket"], "Key": job["key"]}
    if job.get("context") is not None:
        where["EncryptionContext"] = dict(job["context"])
    try:
        if "put" in job:
            client(job).put_object(Body=base64.b64decode(job["put"]), **where)
            return {"done": True}
        body = client(job).get_object(**where)["Body"].read()
        return {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([run(job) for job in json.load(sys.stdin)], sys.stdout)
