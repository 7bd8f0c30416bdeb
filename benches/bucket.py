#!/usr/bin/env python3
"""Commands on a vault in a bucket, side by side with what their requests cost at least.

    benches/bucket.py [--vault target/release/vault] [--nitor PATH] [--runs 15] [--case run]

Starts a server that speaks S3 and KMS and a proxy before it that counts requests and adds 0 or 40 ms
to each, then runs, interleaved, each command, `curl` making the same dependent requests (signed by
curl itself), and `nitor-vault` if its binary is given. Prints medians, CPU time of the client, an
upper bound of its peak memory (what this script itself had when it forked counts) and requests. Absolute times are those of the machine and of a server written in Python;
what counts are the ratios of one run. Needs what `tests/run` installs, and curl.
"""

import argparse
import asyncio
import base64
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".test-tools", "venv")
REGION = "us-east-1"
REFERENCES = 50
# Requests that the program has under way at once.
PARALLEL = 32


class Proxy:
    """Passes bytes on; every time the client speaks again, that is a request, and it waits."""

    def __init__(self, behind):
        self.behind, self.delay, self.requests = behind, 0.0, 0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        ready.wait()

    async def serve(self, ready):
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def connection(self, reader, writer):
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.behind)
        speaking = {"client": False}

        async def forth():
            while data := await reader.read(65536):
                if not speaking["client"]:
                    speaking["client"] = True
                    self.requests += 1
                    await asyncio.sleep(self.delay)
                back_writer.write(data)
            back_writer.close()

        async def back():
            while data := await back_reader.read(65536):
                speaking["client"] = False
                writer.write(data)
            writer.close()

        await asyncio.gather(forth(), back(), return_exceptions=True)


def start_server(folder):
    port = 20000 + os.getpid() % 10000
    env = {"PATH": f"{VENV}/bin:/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "AUTH": "true"}
    env |= {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    env |= {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    log = open(os.path.join(folder, "log"), "wb")
    server = subprocess.Popen([f"{VENV}/bin/ministack"], env=env, cwd=folder, stdout=log, stderr=log)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2)
            return server, port
        except OSError:
            time.sleep(0.1)
    sys.exit("the server does not start")


def prepare(port):
    """A user, a bucket and a key, with the server's own client."""
    script = f"""
import boto3, json
kw = dict(endpoint_url="http://127.0.0.1:{port}", region_name="{REGION}")
root = dict(aws_access_key_id="test", aws_secret_access_key="test")
iam = boto3.client("iam", **kw, **root)
iam.create_user(UserName="u")
policy = dict(Version="2012-10-17", Statement=[dict(Effect="Allow", Action="*", Resource="*")])
iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="u")["AccessKey"]
own = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
boto3.client("s3", **kw, **own).create_bucket(Bucket="bench")
arn = boto3.client("kms", **kw, **own).create_key()["KeyMetadata"]["Arn"]
print(json.dumps(dict(own, arn=arn)))
"""
    return json.loads(subprocess.check_output([f"{VENV}/bin/python3", "-c", script]))


def measure(command, env, stdin=None):
    """Wall, CPU (both in seconds) and peak memory (MiB) of one run."""
    begun = time.monotonic()
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    process.stdin.write(stdin or b"")
    process.stdin.close()
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    if status != 0:
        sys.exit(f"{command}: {error.decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Bench:
    def __init__(self, args, folder):
        self.runs, self.vault, self.nitor, self.only = args.runs, args.vault, args.nitor, args.case
        self.server, port = start_server(folder)
        self.account = prepare(port)
        self.proxy = Proxy(port)
        self.endpoint = f"http://127.0.0.1:{self.proxy.port}"
        self.env = {
            "HOME": os.path.join(folder, "home"),
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.account["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.account["aws_secret_access_key"],
        }
        os.makedirs(self.env["HOME"])

    def curl(self, requests):
        """Shell commands: one curl after another, as each needs the answer of the one before."""
        user = f"{self.account['aws_access_key_id']}:{self.account['aws_secret_access_key']}"
        lines = []
        for service, method, target, extra in requests:
            lines.append(
                f"curl -sf -o /dev/null --aws-sigv4 aws:amz:{REGION}:{service} --user {user} "
                f"-X {method} {extra} {self.endpoint}/{target}"
            )
        return ["sh", "-c", " && ".join(lines)]

    def setup(self):
        vault = lambda *args, stdin=b"": subprocess.run(
            [self.vault, *args], env=self.env, input=stdin, check=True, capture_output=True
        ).stdout
        for name, kms in [("kms", ["--kms", self.account["arn"]]), ("local", [])]:
            recovery = os.path.join(self.env["HOME"], f"words-{name}")
            init = ["init", f"s3://bench/{name}", "--name", name, "--no-passphrase"]
            vault(*init, "--recovery-out", recovery, *kms)
            vault("put", "a", "--vault", name, stdin=b"value")
            vault("get", "a", "--vault", name)
        script = f"""
import boto3, json
kms = boto3.client("kms", endpoint_url="{self.endpoint}", region_name="{REGION}")
print(json.dumps(kms.generate_data_key(KeyId="{self.account['arn']}", KeySpec="AES_256")["CiphertextBlob"].hex()))
"""
        blob = json.loads(
            subprocess.check_output([f"{VENV}/bin/python3", "-c", script], env=self.env)
        )
        body = json.dumps(
            {"CiphertextBlob": base64.b64encode(bytes.fromhex(blob)).decode(), "KeyId": self.account["arn"]}
        )
        decrypt = os.path.join(self.env["HOME"], "decrypt.json")
        with open(decrypt, "w") as file:
            file.write(body)
        kms = lambda call, data: (
            "kms", "POST", "",
            f"-H 'X-Amz-Target: TrentService.{call}' -H 'Content-Type: application/x-amz-json-1.1' --data @{data}",
        )
        get = lambda vault: ("s3", "GET", f"bench/{vault}/s/a", "")
        put = lambda n: ("s3", "PUT", f"bench/curl/{n}", "--data-binary 'a value of some bytes'")
        ls = lambda vault: ("s3", "GET", f"'bench/?list-type=2&prefix={vault}%2Fs%2F'", "")
        value = b"another value"
        self.cases = {
            "get, KMS": {
                "vault": ([self.vault, "get", "a", "--vault", "kms"], None),
                "curl": (self.curl([get("kms"), kms("Decrypt", decrypt)]), None),
            },
            "get, local": {
                "vault": ([self.vault, "get", "a", "--vault", "local"], None),
                "curl": (self.curl([get("local")]), None),
            },
            "put --raw over another, KMS": {
                "vault": ([self.vault, "put", "raw", "--raw", "--vault", "kms"], value),
                "curl": (self.curl([get("kms"), put(1), put(2)]), None),
            },
            "put over another, KMS": {
                "vault": ([self.vault, "put", "a", "--vault", "kms"], value),
                "curl": (self.curl([get("kms"), kms("Decrypt", decrypt), put(1), put(2)]), None),
            },
            "put over another, local": {
                "vault": ([self.vault, "put", "a", "--vault", "local"], value),
                "curl": (self.curl([get("local"), put(1), put(2)]), None),
            },
            "ls, local": {
                "vault": ([self.vault, "ls", "--vault", "local"], None),
                "curl": (self.curl([ls("local")]), None),
            },
        }
        vault("put", "raw", "--raw", "--vault", "kms", stdin=b"value")
        self.cases |= self.references(vault, decrypt)
        if self.nitor:
            nitor = [self.nitor, "--bucket", "bench", "--key-arn", self.account["arn"], "--prefix", "nitor"]
            store = [*nitor, "store", "a", "--value", "value", "--overwrite"]
            subprocess.run(store, env=self.env, check=True, capture_output=True)
            self.cases["get, KMS"]["nitor-vault"] = ([*nitor, "lookup", "a"], None)
            self.cases["put over another, KMS"]["nitor-vault"] = (store, None)

    def references(self, vault, decrypt):
        """A program with many references, the same requests by curl equally parallel, and one by one."""
        env_file = os.path.join(self.env["HOME"], "references")
        with open(env_file, "w") as file:
            for i in range(REFERENCES):
                vault("put", f"many/{i}", "--vault", "kms", stdin=b"value %d" % i)
                file.write(f"SECRET_{i}=vault://many/{i}\n")
        heads = os.path.join(self.env["HOME"], "heads")
        keys = os.path.join(self.env["HOME"], "keys")
        with open(heads, "w") as file:
            # The note that is not there yet is asked for, too.
            for key in [*(f"s/many/{i}" for i in range(REFERENCES)), ".vault/team/0000000000000099"]:
                file.write(f'url = "{self.endpoint}/bench/kms/{key}"\noutput = /dev/null\n')
        with open(keys, "w") as file:
            for _ in range(REFERENCES):
                file.write(f'url = "{self.endpoint}/"\noutput = /dev/null\n')
        user = f"{self.account['aws_access_key_id']}:{self.account['aws_secret_access_key']}"
        curl = lambda service, rest: (
            f"curl -s --parallel --parallel-immediate --parallel-max {PARALLEL} --user {user} "
            f"--aws-sigv4 aws:amz:{REGION}:{service} {rest}"
        )
        decrypts = (
            "-H 'X-Amz-Target: TrentService.Decrypt' -H 'Content-Type: application/x-amz-json-1.1' "
            f"--data @{decrypt} -K {keys}"
        )
        plain = f"{curl('s3', f'-K {heads}')} && {curl('kms', decrypts)}"
        singles = f"for i in $(seq 0 {REFERENCES - 1}); do {self.vault} get many/$i --vault kms; done"
        run = [self.vault, "run", "--no-mask", "--vault", "kms", "--env-file", env_file, "--", "true"]
        return {
            f"run, {REFERENCES} references": {
                "vault": (run, None),
                "vault, masked": ([*run[:2], "--mask", *run[3:]], None),
                "curl": (["sh", "-c", plain], None),
                f"{REFERENCES} x get": (["sh", "-c", singles], None),
            }
        }

    def run(self):
        for delay in (0, 0.040):
            print(f"\n{delay * 1000:.0f} ms added to each request, medians of {self.runs}")
            print(f"{'':34}{'wall ms':>9}{'CPU ms':>9}{'MiB <=':>7}{'requests':>10}{'of curl':>9}")
            for name, clients in self.cases.items():
                if self.only not in name:
                    continue
                self.case(name, clients, delay)

    def case(self, name, clients, delay):
        results, counts = {client: [] for client in clients}, {}
        for i in range(self.runs + 1):
            for client, (command, stdin) in clients.items():
                self.proxy.delay, before = delay, self.proxy.requests
                result = measure(command, self.env, stdin)
                counts[client] = self.proxy.requests - before
                # The first round warms caches.
                if i:
                    results[client].append(result)
        floor = statistics.median(r[0] for r in results["curl"])
        for client, runs in results.items():
            wall, cpu, peak = (statistics.median(r[i] for r in runs) for i in range(3))
            print(
                f"{name + ': ' + client:34}{wall * 1000:9.1f}{cpu * 1000:9.1f}{peak:7.1f}"
                f"{counts[client]:10}{wall / floor:9.2f}"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vault", default=os.path.join(ROOT, "target", "release", "vault"))
    parser.add_argument("--nitor", help="the nitor-vault binary")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--case", default="", help="only cases with this in their name")
    args = parser.parse_args()
    if not shutil.which("curl"):
        sys.exit("curl is missing")
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as folder:
        bench = Bench(args, folder)
        try:
            bench.setup()
            bench.run()
        finally:
            bench.server.terminate()
            bench.server.wait()


if __name__ == "__main__":
    main()
