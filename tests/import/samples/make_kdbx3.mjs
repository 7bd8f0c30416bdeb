// Makes the sample of KeePass's older format, kdbx 3, with the package `kdbxweb`.
// Run by hand; the result is committed. All values are made up.
import fs from "node:fs";
import { createRequire } from "node:module";
const kdbxweb = createRequire(process.cwd() + "/")("kdbxweb");

const hidden = (text) => kdbxweb.ProtectedValue.fromString(text);
const db = kdbxweb.Kdbx.create(new kdbxweb.Credentials(hidden("made-up passphrase")), "Made up");
db.setVersion(3);
const web = db.createGroup(db.getDefaultGroup(), "Web");
const entry = db.createEntry(web);
entry.fields.set("Title", "Example");
entry.fields.set("UserName", "ann");
entry.fields.set("Password", hidden("made-up-1"));
entry.fields.set("URL", "https://example.com");
entry.fields.set("Notes", "first line\nsecond line");
entry.fields.set("API key", hidden("made-up-key"));
fs.writeFileSync(process.argv[2], Buffer.from(await db.save()));
