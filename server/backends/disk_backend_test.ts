import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { bytesStream } from "../../content/body.ts";
import { encodeText } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import type { Digest } from "../../content/digest.ts";
import { describeBytes } from "../../content/describe_bytes.ts";
import { digestOf } from "../../content/digest_of.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { InvalidContentError, InvalidOptionError, StorageError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import { inFolder } from "../../scripts/temp_folder.ts";
import { memoryWire, TestClock, until, type Wire } from "../fixture_test.ts";
import type { RegistryOptions } from "../options.ts";
import { diskBackend } from "./disk_backend.ts";
import { testRegistryBackend } from "./test_registry_backend.ts";
import { names } from "../../stores/folder_fixture_test.ts";

for (const durable of [true, false]) {
  testRegistryBackend(`diskBackend${durable ? "" : ", not durable"}`, async () => {
    const folder = await Deno.makeTempDir();
    const backend = diskBackend(folder, { durable });
    return {
      backend,
      reopen: () => Promise.resolve(diskBackend(folder, { durable })),
      close: async () => {
        await backend.close();
        await Deno.remove(folder, { recursive: true });
      },
    };
  });
}

const HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/** A registry on a folder, as a new process has it. */
function open(folder: string, options: RegistryOptions = {}): Wire {
  return memoryWire({ backend: diskBackend(folder, { durable: false }), ...options });
}

async function inode(path: string): Promise<number | null> {
  return (await Deno.stat(path)).ino;
}

for (
  const [title, make, message] of [
    ["an empty folder", () => diskBackend(""), "'folder' must be a path: current value is"],
    [
      "no expiry",
      () => diskBackend("x", { uploadExpiry: 0 }),
      "'uploadExpiry' must be an integer of at least 1: current value is 0",
    ],
  ] as [string, () => unknown, string][]
) {
  Deno.test(`diskBackend: ${title} is refused`, () => {
    assertThrows(make, InvalidOptionError, message);
  });
}

Deno.test("diskBackend: a repository is a layout, and its index names every manifest", () =>
  inFolder(async (folder) => {
    const wire = open(folder);
    const tagged = await wire.pushManifest("library/app", "v1", { annotations: { n: "1" } });
    const bare = await wire.pushManifest("library/app", undefined, { annotations: { n: "2" } });
    const layout = `${folder}/library/app`;
    assertEquals(await Deno.readTextFile(`${layout}/oci-layout`), '{"imageLayoutVersion":"1.0.0"}');
    const index = JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
    assertEquals(index.schemaVersion, 2);
    assertEquals(index.manifests.map((entry: Descriptor) => [entry.digest, entry.annotations]), [
      [tagged, { "org.opencontainers.image.ref.name": "v1" }],
      [bare, undefined],
    ]);
    assertEquals((await names(layout)).filter((name) => !name.startsWith(".")), [
      "blobs",
      "index.json",
      "oci-layout",
    ]);
    for (const name of await names(`${layout}/blobs/sha256`)) {
      const bytes = await Deno.readFile(`${layout}/blobs/sha256/${name}`);
      assertEquals(await digestOf(bytes), `sha256:${name}`);
    }
    assertEquals(await names(`${layout}/.partial`), []);
    assertEquals(await names(`${folder}/.uploads/library~app`), []);
  }));

Deno.test("diskBackend: a blob of several repositories is one file", () =>
  inFolder(async (folder) => {
    const wire = open(folder);
    await wire.pushBlob("one", "hello");
    await wire.send("POST", `/v2/two/blobs/uploads/?mount=${HELLO}&from=one`);
    await wire.pushBlob("three", "hello"); // pushed once more
    const path = HELLO.replace(":", "/");
    const inodes = await Promise.all(
      ["one", "two", "three"].map((name) => inode(`${folder}/${name}/blobs/${path}`)),
    );
    assertEquals(new Set(inodes).size, 1);
  }));

Deno.test("diskBackend: what another program writes is served, children of an index too", () =>
  inFolder(async (folder) => {
    const wire = open(folder);
    await wire.pushBlob("app", "here");
    const child = encodeText(JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociEmpty, digest: HELLO, size: 5 },
      layers: [],
    }));
    const childEntry = await describeBytes(child, MEDIA_TYPES.ociManifest);
    const index = encodeText(JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [childEntry],
    }));
    const entry = {
      mediaType: MEDIA_TYPES.ociIndex,
      digest: await digestOf(index),
      size: index.byteLength,
      annotations: { "org.opencontainers.image.ref.name": "theirs" },
    };
    const odd = { ...entry, annotations: { "org.opencontainers.image.ref.name": "no tag at all" } };
    for (const repository of ["app", "other"]) { // one that is known, and a new one
      const layout = `${folder}/${repository}`;
      await Deno.mkdir(`${layout}/blobs/sha256`, { recursive: true });
      for (const bytes of [child, index]) {
        const name = (await digestOf(bytes)).slice("sha256:".length);
        await Deno.writeFile(`${layout}/blobs/sha256/${name}`, bytes);
      }
      await Deno.writeTextFile(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
      const text = JSON.stringify({ schemaVersion: 2, manifests: [entry, odd] });
      await Deno.writeTextFile(`${layout}/index.json`, text);

      const path = `/v2/${repository}/manifests`;
      const byTag = await wire.send("GET", `${path}/theirs`);
      assertEquals([byTag.status, byTag.headers.get("content-type")], [200, entry.mediaType]);
      const byDigest = await wire.send("GET", `${path}/${childEntry.digest}`);
      assertEquals([byDigest.status, byDigest.bytes], [200, child]);
      assertEquals(byDigest.headers.get("content-type"), MEDIA_TYPES.ociManifest);
      assertEquals((await wire.send("GET", `/v2/${repository}/tags/list`)).json.tags, ["theirs"]);
      const deleted = await wire.send("DELETE", `${path}/${childEntry.digest}`);
      assertEquals(deleted.status, 202);
      assertEquals((await wire.send("GET", `${path}/${childEntry.digest}`)).status, 404);
    }
  }));

Deno.test("diskBackend: a manifest whose file is gone or damaged is not served", () =>
  inFolder(async (folder) => {
    const wire = open(folder);
    const digest = await wire.pushManifest("app", "v1");
    const path = `${folder}/app/blobs/${digest.replace(":", "/")}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.slice(0, -1));
    assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).code, "MANIFEST_UNKNOWN");
    assertEquals((await wire.putManifest("app", "v1", text)).status, 201, "a push heals it");
    assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).text, text);
    await Deno.remove(path);
    assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).code, "MANIFEST_UNKNOWN");
    assertEquals((await wire.send("DELETE", `/v2/app/manifests/${digest}`)).status, 202);
  }));

Deno.test("diskBackend: links in the folder are not followed", () =>
  inFolder(async (folder) => {
    const outside = `${folder}/outside`;
    await open(outside).pushBlob("app", "hello");
    const store = `${folder}/store`;
    const wire = open(store);
    await wire.pushBlob("mine", "mine");
    await Deno.symlink(`${outside}/app`, `${store}/linked`);
    await Deno.symlink(outside, `${store}/all`);
    for (const repository of ["linked", "all/app"]) {
      const got = await wire.send("GET", `/v2/${repository}/blobs/${HELLO}`);
      assertEquals([got.status, got.code], [404, "NAME_UNKNOWN"], repository);
    }
    assertEquals((await wire.send("GET", "/v2/_catalog")).json, { repositories: ["mine"] });
    const mount = await wire.send("POST", `/v2/mine/blobs/uploads/?mount=${HELLO}&from=linked`);
    assertEquals(mount.status, 202);
    assertEquals((await names(`${outside}/app`)).includes(".partial"), true, "as it was");
  }));

for (const which of [".uploads", ".uploads/app"]) {
  Deno.test(`diskBackend: ${which} that is a link is not followed`, () =>
    inFolder(async (folder) => {
      const [store, outside] = [`${folder}/store`, `${folder}/outside`];
      await Deno.mkdir(`${store}/.uploads`, { recursive: true });
      await Deno.mkdir(`${outside}/app`, { recursive: true });
      if (which === ".uploads") await Deno.remove(`${store}/.uploads`);
      await Deno.symlink(which === ".uploads" ? outside : `${outside}/app`, `${store}/${which}`);
      const id = crypto.randomUUID();
      await Deno.writeTextFile(`${outside}/app/${id}`, "theirs");
      const wire = open(store, { onError: () => {} });
      assertEquals((await wire.send("POST", "/v2/app/blobs/uploads/")).status, 404);
      for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
        const path = `/v2/app/blobs/uploads/${id}${method === "PUT" ? `?digest=${HELLO}` : ""}`;
        assertEquals((await wire.send(method, path)).status, 404, method);
      }
      assertEquals(await names(`${outside}/app`), [id]);
      assertEquals(await Deno.readTextFile(`${outside}/app/${id}`), "theirs");
    }));
}

Deno.test("diskBackend: an upload in whose place a link stands is not written through", () =>
  inFolder(async (folder) => {
    const wire = open(folder);
    const location = await wire.startUpload("app");
    const file = `${folder}/.uploads/app/${location.split("/").at(-1)}`;
    await Deno.writeTextFile(`${folder}/theirs`, "theirs");
    await Deno.remove(file);
    await Deno.symlink(`${folder}/theirs`, file);
    const patch = await wire.send("PATCH", location, { body: "EVIL" });
    assertEquals([patch.status, patch.code], [404, "BLOB_UPLOAD_UNKNOWN"]);
    assertEquals(await Deno.readTextFile(`${folder}/theirs`), "theirs");
  }));

Deno.test("end-13, end-5, end-6: an upload is resumed after a restart", () =>
  inFolder(async (folder) => {
    const first = open(folder);
    const location = await first.startUpload("app");
    await first.send("PATCH", location, { body: "hel" });
    const second = open(folder);
    const status = await second.send("GET", location);
    assertEquals([status.status, status.headers.get("range")], [204, "0-2"]);
    const early = await second.send("PATCH", location, {
      body: "lo",
      headers: { "content-range": "0-1" },
    });
    assertEquals([early.status, early.headers.get("range")], [416, "0-2"]);
    const patched = await second.send("PATCH", location, {
      body: "l",
      headers: { "content-range": "3-3" },
    });
    assertEquals([patched.status, patched.headers.get("range")], [202, "0-3"]);
    const third = open(folder);
    const wrong = await third.send("PUT", `${location}?digest=sha256:${"0".repeat(64)}`, {
      body: "",
      headers: { "content-range": "9-9" },
    });
    assertEquals(wrong.status, 416);
    assertEquals(
      (await third.send("PUT", `${location}?digest=${HELLO}`, { body: "o" })).status,
      201,
    );
    assertEquals((await third.send("GET", `/v2/app/blobs/${HELLO}`)).text, "hello");
    assertEquals((await third.send("GET", location)).code, "BLOB_UPLOAD_UNKNOWN");
  }));

Deno.test("end-6 PUT after a restart with a digest that is wrong: 400, nothing stored", () =>
  inFolder(async (folder) => {
    const location = await open(folder).startUpload("app");
    await open(folder).send("PATCH", location, { body: "hell" });
    const wire = open(folder);
    const { status, code } = await wire.send("PUT", `${location}?digest=${HELLO}`);
    assertEquals([status, code], [400, "DIGEST_INVALID"]);
    assertEquals((await wire.send("GET", `/v2/app/blobs/${HELLO}`)).code, "NAME_UNKNOWN");
    assertEquals(await names(`${folder}/.uploads/app`), []);
  }));

Deno.test("diskBackend: an upload of another process is removed when its time is over", () =>
  inFolder(async (folder) => {
    const first = open(folder);
    const locations = [await first.startUpload("app"), await first.startUpload("app")];
    const id = (location: string) => location.slice(location.lastIndexOf("/") + 1);
    const old = new Date(Date.now() - 25 * 60 * 60 * 1_000);
    await Deno.utime(`${folder}/.uploads/app/${id(locations[0]!)}`, old, old);
    await diskBackend(folder).recover();
    assertEquals(await names(`${folder}/.uploads/app`), [id(locations[1]!)]);
    const second = open(folder);
    assertEquals((await second.send("GET", locations[0]!)).code, "BLOB_UPLOAD_UNKNOWN");
    assertEquals((await second.send("GET", locations[1]!)).status, 204);
  }));

Deno.test("diskBackend: what a killed process left goes when its time is over", () =>
  inFolder(async (folder) => {
    const left = (await open(folder).startUpload("app")).split("/").at(-1)!;
    const hour = 60 * 60 * 1_000;
    const aged = async (hours: number) => {
      const time = new Date(Date.now() - hours * hour);
      await Deno.utime(`${folder}/.uploads/app/${left}`, time, time);
    };
    const backend = diskBackend(folder, { durable: false });
    const sweep = backend.sweepUploads!;
    let looks = 0;
    backend.sweepUploads = async () => {
      const wait = await sweep.call(backend);
      looks++;
      return wait;
    };
    const { now, later, pass } = new TestClock(Date.now());
    const wire = memoryWire({ backend, now, later });
    await wire.send("GET", "/v2/");
    const own = await wire.startUpload("app");
    await aged(23);
    await pass(hour - 1);
    await wire.send("GET", own); // it is in use
    await pass(2);
    await until(() => looks === 1);
    assertEquals((await names(`${folder}/.uploads/app`)).length, 2);
    await aged(25);
    await pass(hour - 10_000);
    await wire.send("GET", own);
    assertEquals(looks, 1, "it looks again when something may be due");
    await pass(20_000);
    await until(() => looks === 2);
    assertEquals(await names(`${folder}/.uploads/app`), [own.split("/").at(-1)]);
  }));

Deno.test("diskBackend: recover brings every index up to date, close too", () =>
  inFolder(async (folder) => {
    const backend = diskBackend(folder, { durable: false });
    const wire = memoryWire({ backend });
    const { text } = await wire.manifest("app");
    for (let n = 0; n < 300; n++) await wire.putManifest("app", `v${n}`, text);
    const inFile = async (repository: string) =>
      JSON.parse(await Deno.readTextFile(`${folder}/${repository}/index.json`)).manifests.length;
    await wire.putManifest("app", "last", text);
    await Deno.mkdir(`${folder}/copy`); // what a process that is killed leaves
    await Deno.writeTextFile(`${folder}/copy/oci-layout`, "{}");
    for (const name of ["index.json", ".index-journal"]) {
      await Deno.copyFile(`${folder}/app/${name}`, `${folder}/copy/${name}`);
    }
    await backend.close();
    assertEquals(await inFile("app"), 301);
    assertEquals(await inFile("copy") < 301, true);
    await diskBackend(folder).recover();
    assertEquals(await inFile("copy"), 301);
    assertEquals((await names(`${folder}/copy`)).includes(".index-journal"), false);
  }));

Deno.test("diskBackend: what a write that failed has left is no part of the blob", () =>
  inFolder(async (folder) => {
    const backend = diskBackend(folder, { durable: false });
    const upload = await backend.createUpload("app" as RepositoryName);
    await upload.append(pieceReader(bytesStream(encodeText("hel"))), () => {});
    const broken = {
      read: () => Promise.reject(new Error("cut")),
      cancel: () => Promise.resolve(),
    };
    await assertRejects(() => upload.append(broken, () => {}), Error, "cut");
    await Deno.writeTextFile(`${folder}/.uploads/app/${upload.id}`, "xxx", { append: true });
    await upload.append(pieceReader(bytesStream(encodeText("lo"))), () => {});
    await upload.finish(HELLO as Digest);
    const blob = await backend.blob("app" as RepositoryName, HELLO as Digest);
    assertEquals(await new Response(await blob!.open(0, blob!.size)).text(), "hello");
    assertEquals(blob!.size, 5);
  }));

Deno.test("end-9 DELETE manifests: a file goes when no index.json names it any more", () =>
  inFolder(async (folder) => {
    const backend = diskBackend(folder, { durable: false });
    const wire = memoryWire({ backend });
    const { text } = await wire.manifest("app");
    for (let n = 0; n < 300; n++) await wire.putManifest("app", `v${n}`, text);
    const gone = await wire.pushManifest("app", "gone", { annotations: { n: "gone" } });
    const both = await wire.pushManifest("app", "both", { annotations: { n: "both" } });
    const again = await wire.pushManifest("app", "again", { annotations: { n: "again" } });
    await backend.close(); // index.json names them all
    const path = (digest: string) => `${folder}/app/blobs/${digest.replace(":", "/")}`;
    const [bothText, againText] = await Promise.all(
      [both, again].map((digest) => Deno.readTextFile(path(digest))),
    );
    await wire.pushBlob("app", bothText!);
    for (const digest of [gone, both, again]) {
      const { status } = await wire.send("DELETE", `/v2/app/manifests/${digest}`);
      assertEquals(status, 202);
      const index = await Deno.readTextFile(`${folder}/app/index.json`);
      if (index.includes(digest)) await Deno.stat(path(digest));
      assertEquals((await wire.send("GET", `/v2/app/manifests/${digest}`)).status, 404);
    }
    assertEquals((await wire.send("GET", `/v2/app/blobs/${gone}`)).status, 404);
    assertEquals((await wire.send("GET", `/v2/app/blobs/${both}`)).text, bothText);
    assertEquals((await wire.putManifest("app", "again", againText!)).status, 201);
    await backend.close();
    await assertRejects(() => Deno.stat(path(gone)), Deno.errors.NotFound);
    assertEquals((await wire.send("GET", `/v2/app/blobs/${both}`)).text, bothText);
    assertEquals((await wire.send("GET", "/v2/app/manifests/again")).text, againText);
    assertEquals((await wire.send("GET", `/v2/app/blobs/${again}`)).status, 404);
    const markers = (await names(`${folder}/app`)).filter((name) => name.includes("blobs."));
    assertEquals(markers, []);
  }));

Deno.test("diskBackend: a repository's folder that is removed from outside is made again", () =>
  inFolder(async (folder) => {
    const wire = open(folder);
    await wire.pushManifest("app", "v1");
    await Deno.remove(`${folder}/app`, { recursive: true });
    assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).status, 404);
    assertEquals((await wire.send("GET", `/v2/app/blobs/${HELLO}`)).status, 404);
    await Promise.all(["a", "b", "c", "hello"].map((text) => wire.pushBlob("app", text)));
    assertEquals((await wire.send("GET", `/v2/app/blobs/${HELLO}`)).text, "hello");
    await wire.pushManifest("app", "v2");
    assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["v2"]);
  }));

Deno.test("end-2 GET blobs: one that is deleted before it is opened: 404 BLOB_UNKNOWN", () =>
  inFolder(async (folder) => {
    const backend = diskBackend(folder, { durable: false });
    const wire = memoryWire({ backend });
    await wire.pushBlob("app", "hello");
    const { blob } = backend;
    backend.blob = async (repository, digest) => {
      const found = await blob.call(backend, repository, digest);
      await backend.deleteBlob(repository, digest);
      return found;
    };
    const { status, code } = await wire.send("GET", `/v2/app/blobs/${HELLO}`);
    assertEquals([status, code], [404, "BLOB_UNKNOWN"]);
  }));

Deno.test("diskBackend: referrers that regctl keeps in an index under the fallback tag", () =>
  inFolder(async (folder) => {
    const wire = open(folder);
    const subject = await wire.manifest("app");
    await wire.putManifest("app", "v1", subject.text);
    const layout = `${folder}/app`;
    const write = async (mediaType: string, value: unknown) => {
      const bytes = encodeText(JSON.stringify(value));
      const digest = await digestOf(bytes);
      await Deno.writeFile(`${layout}/blobs/${digest.replace(":", "/")}`, bytes);
      return { mediaType, digest, size: bytes.byteLength };
    };
    const referrer = await write(MEDIA_TYPES.ociManifest, {
      ...JSON.parse(subject.text),
      artifactType: "application/example.sig",
      subject: { mediaType: MEDIA_TYPES.ociManifest, digest: subject.digest, size: subject.size },
    });
    const gone = { ...referrer, digest: HELLO };
    const list = await write(MEDIA_TYPES.ociIndex, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [referrer, gone],
    });
    const tag = subject.digest.replace(":", "-");
    const index = JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
    index.manifests.push({ ...list, annotations: { "org.opencontainers.image.ref.name": tag } });
    await Deno.writeTextFile(`${layout}/index.json`, JSON.stringify(index));
    for (const each of [wire, open(folder)]) {
      const { json } = await each.send("GET", `/v2/app/referrers/${subject.digest}`);
      assertEquals(json.manifests, [{ ...referrer, artifactType: "application/example.sig" }]);
    }
    await Deno.remove(`${layout}/blobs/${referrer.digest.replace(":", "/")}`);
    const { json } = await wire.send("GET", `/v2/app/referrers/${subject.digest}`);
    assertEquals(json.manifests, []);
  }));

for (const below of ["", "/below"]) {
  Deno.test(`diskBackend: a file${below && " above"} in the folder's place: StorageError`, () =>
    inFolder(async (folder) => {
      const path = `${folder}/file`;
      await Deno.writeTextFile(path, "mine");
      const backend = diskBackend(path + below);
      const error = await assertRejects(() => backend.recover(), StorageError, "a file is where");
      assertEquals(error.path, path + below);
      assertEquals(await Deno.readTextFile(path), "mine");
    }));
}

/** What may have become of the layout of a repository. */
const BROKEN: [what: string, wreck: (layout: string) => Promise<void>][] = [
  ["an index.json that was cut", (layout) => Deno.writeTextFile(`${layout}/index.json`, '{"man')],
  ["no index.json", (layout) => Deno.remove(`${layout}/index.json`)],
  ["a link as index.json", async (layout) => {
    await Deno.rename(`${layout}/index.json`, `${layout}/other.json`);
    await Deno.symlink("other.json", `${layout}/index.json`);
  }],
  ["a layout of another version", async (layout) => {
    await Deno.writeTextFile(`${layout}/oci-layout`, '{"imageLayoutVersion":"2.0.0"}');
    await Deno.writeTextFile(`${layout}/index.json`, '{"manifests":[]}');
  }],
  ["a link as the folder of its blobs", async (layout) => {
    await Deno.rename(`${layout}/blobs`, `${layout}/others`);
    await Deno.symlink("others", `${layout}/blobs`);
  }],
  ["a link as its folder", async (layout) => {
    await Deno.rename(layout, `${layout}-there`);
    await Deno.symlink(`${layout}-there`, layout);
  }],
];

for (const [what, wreck] of BROKEN) {
  Deno.test(`diskBackend: ${what} is told, never 500, and other repositories work`, () =>
    inFolder(async (folder) => {
      const before = open(folder);
      for (const repository of ["app", "good"]) {
        await before.pushBlob(repository, "hello");
        await before.pushManifest(repository, "v1");
      }
      await wreck(`${folder}/app`);
      const errors: unknown[] = [];
      const wire = open(folder, { onError: (error) => errors.push(error) });
      const { text } = await before.manifest("good");
      const headers = { "content-type": MEDIA_TYPES.ociManifest };
      const requests: [method: string, path: string, init?: RequestInit & { body: string }][] = [
        ...["manifests/v1", `blobs/${HELLO}`, `referrers/${HELLO}`, "tags/list"]
          .map((path): [string, string] => ["GET", `/v2/app/${path}`]),
        ["DELETE", "/v2/app/manifests/v1"],
        ["POST", `/v2/app/blobs/uploads/?digest=${HELLO}`, { body: "hello" }],
        ["POST", `/v2/good/blobs/uploads/?mount=${HELLO}&from=app`],
        ["PUT", "/v2/app/manifests/v2", { body: text, headers }],
      ];
      const told = [];
      for (const [method, path, init] of requests) {
        const { status, code } = await wire.send(method, path, init);
        assert(status < 500, `${method} ${path}: ${status}`);
        if (code === "NAME_UNKNOWN") told.push(path);
      }
      assert(told.length > 0 && errors.length > 0, `${told}`);
      assert(errors.every((error) => error instanceof InvalidContentError));
      assertEquals((await wire.send("GET", "/v2/good/manifests/v1")).status, 200);
      assert((await wire.send("GET", "/v2/_catalog")).text.includes("good"));
    }));
}
