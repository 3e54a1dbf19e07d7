/** Files of a registry that something else has damaged: good bytes repair them, and nothing spreads. */
import { assertEquals } from "@std/assert";
import { tempFolder } from "../scripts/temp_folder.ts";
import { diskBackend } from "./backends/disk_backend.ts";
import { digest, memoryWire, type Wire } from "./fixture_test.ts";

const HELLO = await digest("hello");

/** What becomes of a file; its time may be put back, as `cp -p` does. */
const DAMAGES: [name: string, damage: (path: string) => Promise<void>][] = [
  [
    "other bytes of the same size",
    (path) => Deno.writeTextFile(path, "x".repeat(Deno.statSync(path).size)),
  ],
  ["no bytes", (path) => Deno.truncate(path)],
  ["fewer bytes", (path) => Deno.truncate(path, 1)],
  ["more bytes", (path) => Deno.writeTextFile(path, "EVIL", { append: true })],
  ["another file", async (path) => {
    const { size } = await Deno.stat(path);
    await Deno.remove(path);
    await Deno.writeTextFile(path, "y".repeat(size));
  }],
];

/** Whether the registry is still the one that wrote the files. */
const PROCESSES = ["the same process", "a new process"];

interface World {
  wire: Wire;
  path: (repository: string, digest: string) => string;
}

async function each(
  name: string,
  run: (
    world: World,
    damage: (path: string) => Promise<void>,
    open: (wire: Wire) => Wire,
  ) => Promise<void>,
): Promise<void> {
  for (const process of PROCESSES) {
    for (const [what, damage] of DAMAGES) {
      await using folder = await tempFolder();
      const open = () => memoryWire({ backend: diskBackend(folder.path, { durable: false }) });
      try {
        const path = (repository: string, digest: string) =>
          `${folder.path}/${repository}/blobs/${digest.replace(":", "/")}`;
        await run(
          { wire: open(), path },
          damage,
          (wire) => process === "a new process" ? open() : wire,
        );
      } catch (cause) {
        throw new Error(`${name}: ${what}, ${process}`, { cause });
      }
    }
  }
}

async function text(wire: Wire, repository: string): Promise<string> {
  return (await wire.send("GET", `/v2/${repository}/blobs/${HELLO}`)).text;
}

Deno.test("a damaged blob is repaired by a push to its repository", () =>
  each("push", async ({ wire, path }, damage, open) => {
    await wire.pushBlob("app", "hello");
    await damage(path("app", HELLO));
    const now = open(wire);
    assertEquals((await now.send("HEAD", `/v2/app/blobs/${HELLO}`)).status, 404);
    await now.pushBlob("app", "hello");
    assertEquals((await now.send("HEAD", `/v2/app/blobs/${HELLO}`)).status, 200);
    assertEquals(await text(now, "app"), "hello");
  }));

Deno.test("a damaged blob does not spread to a repository that pushes the same", () =>
  each("push elsewhere", async ({ wire, path }, damage, open) => {
    await wire.pushBlob("app", "hello");
    await damage(path("app", HELLO));
    const now = open(wire);
    await now.pushBlob("other", "hello");
    assertEquals(await text(now, "other"), "hello");
  }));

Deno.test("a damaged blob is not mounted, and a mount repairs one", () =>
  each("mount", async ({ wire, path }, damage, open) => {
    await wire.pushBlob("app", "hello");
    await wire.pushBlob("whole", "other");
    await wire.pushBlob("copy", "hello");
    await Deno.remove(path("copy", HELLO)); // a file of its own, not another name of the first
    await Deno.writeTextFile(path("copy", HELLO), "hello");
    await damage(path("app", HELLO));
    const now = open(wire);
    const mount = (to: string, from: string) =>
      now.send("POST", `/v2/${to}/blobs/uploads/?mount=${HELLO}&from=${from}`);
    assertEquals((await mount("whole", "app")).status, 202);
    assertEquals((await now.send("HEAD", `/v2/whole/blobs/${HELLO}`)).status, 404);
    assertEquals((await mount("app", "copy")).status, 201);
    assertEquals(await text(now, "app"), "hello");
  }));

Deno.test("a damaged manifest is repaired by a push, by tag and by digest", () =>
  each("manifest", async ({ wire, path }, damage, open) => {
    const { digest: name, text } = await wire.manifest("app");
    for (const reference of ["v1", name]) {
      await wire.putManifest("app", reference, text);
      await damage(path("app", name));
      const now = open(wire);
      assertEquals((await now.send("GET", `/v2/app/manifests/${name}`)).status, 404);
      assertEquals((await now.putManifest("app", reference, text)).status, 201);
      assertEquals((await now.send("GET", `/v2/app/manifests/${reference}`)).text, text);
      assertEquals((await now.send("HEAD", `/v2/app/blobs/${name}`)).status, 404, "it is no blob");
    }
  }));

Deno.test("a manifest is not taken whose blob is damaged", () =>
  each("children", async ({ wire, path }, damage, open) => {
    const { text } = await wire.manifest("app");
    await damage(path("app", await digest("{}")));
    const put = await open(wire).putManifest("app", "v1", text);
    assertEquals([put.status, put.code], [404, "MANIFEST_BLOB_UNKNOWN"]);
  }));

Deno.test("a blob is one file with several names, also after a restart", async () => {
  await using folder = await tempFolder();
  await memoryWire({ backend: diskBackend(folder.path) }).pushBlob("one", "hello");
  const backend = diskBackend(folder.path);
  await backend.recover();
  const wire = memoryWire({ backend });
  const { status } = await wire.send("POST", `/v2/two/blobs/uploads/?mount=${HELLO}`);
  assertEquals(status, 201, "recover has seen who holds it");
  await wire.pushBlob("three", "hello");
  const inodes = ["one", "two", "three"].map((name) =>
    Deno.statSync(`${folder.path}/${name}/blobs/${HELLO.replace(":", "/")}`).ino
  );
  assertEquals(new Set(inodes).size, 1);
});
