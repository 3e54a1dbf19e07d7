/** Untrusted artifacts are described and unpacked without harm. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { concatBytes } from "../content/bytes.ts";
import { readTar } from "../content/tar_reader.ts";
import { type Part, part, pax, readerOf, tarOf } from "../content/tar_sample_test.ts";
import { ApiError, InvalidContentError } from "../errors.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { fc, fuzz, text } from "../tests/fuzz/fuzz.ts";
import { describe } from "./describe.ts";
import { withFolder } from "./fixture_test.ts";
import { pack } from "./pack.ts";
import { artifactType, folder, type Layers, listing, TITLE } from "./unpack_fixture_test.ts";
import { unpackFiles } from "./unpack_files.ts";
import { readYaml } from "./yaml.ts";

/** A path of few names, so that they meet, and of what leads out of the folder. */
const path = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom("a", "b", "c") }, {
    weight: 3,
    arbitrary: fc.constant(".."),
  }, { weight: 1, arbitrary: fc.constantFrom("", ".", "\\", "C:", "d") }),
  { minLength: 1, maxLength: 4 },
).map((parts) => parts.join("/"));

const inFolder = path.map((inside) => `d/${inside}`);

const entry: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ name: inFolder, flag: fc.constant("2"), target: path }),
  fc.record({ name: inFolder, flag: fc.constant("2"), target: path.map((up) => `../${up}`) }),
  fc.record({ name: inFolder, flag: fc.constant("1"), target: inFolder }),
  fc.record({ name: inFolder, flag: fc.constant("5") }),
  fc.record({ name: inFolder, content: fc.constant("written") }),
  fc.record({ name: path, content: fc.constant("written") }),
);

/** A layer that is a file, whatever its title is. */
const file = (title: string): Layers[number] => ({
  body: "written",
  annotations: { [TITLE]: title },
});

/** Every link that can be followed leads to somewhere in the folder. */
async function assertLinksStay(root: string, at = root): Promise<void> {
  for await (const { name, isSymlink, isDirectory } of Deno.readDir(at)) {
    const path = `${at}/${name}`;
    if (isDirectory) await assertLinksStay(root, path);
    if (!isSymlink) continue;
    const real = await Deno.realPath(path).catch(() => root); // to nothing, or in a circle
    assert(real === root || real.startsWith(`${root}/`), `${path} leads to ${real}`);
  }
}

fuzz(
  "unpackFiles: nothing outside is written, and no link leads there",
  1_000,
  fc.tuple(fc.array(entry, { minLength: 1, maxLength: 6 }), fc.option(path, { nil: undefined })),
  async ([entries, title]) => {
    await withFolder(async (outside) => {
      // What a link or a name that leads out would meet.
      for (const name of ["a", "b", "t/a", "t/b"]) {
        await Deno.mkdir(`${outside}/${name}`, { recursive: true });
        await Deno.writeTextFile(`${outside}/${name}/c`, "precious");
      }
      const target = `${outside}/t/target`;
      await Deno.mkdir(target);
      const before = await listing(outside);
      const store = new MemoryStore();
      const layers: Layers[number][] = [folder("d", tarOf(...entries))];
      if (title && title !== "d") layers.push(file(title));
      const descriptor = await pack(store, { artifactType, layers });
      let failed = false;
      await unpackFiles(store, descriptor, target).catch((error) => {
        assertInstanceOf(error, ApiError);
        failed = true;
      });
      const after = await listing(outside);
      assertEquals(
        after.filter((line) => !line.startsWith("t/target/")),
        before.filter(
          (line) => !line.startsWith("t/target/"),
        ),
      );
      if (failed) assertEquals(await listing(target), []);
      await assertLinksStay(await Deno.realPath(target));
    });
  },
);

const WHOLE = concatBytes([
  part({ name: "d/a", content: "x".repeat(700) }),
  pax({ path: "d/ü", mtime: "1.5" }),
  part({ name: "cut", content: "y" }),
  part({ name: "././@LongLink", flag: "L", content: "d/long\0" }),
  part({ name: "cut", flag: "2", target: "a" }),
  tarOf({ name: "d/b", flag: "5" }),
]);

fuzz(
  "readTar: bytes that were changed, cut or repeated: entries, or a typed error",
  4_000,
  fc.record({
    changes: fc.array(fc.tuple(fc.nat(WHOLE.byteLength - 1), fc.nat(255)), { maxLength: 6 }),
    end: fc.nat(WHOLE.byteLength),
    step: fc.constantFrom(1_000, 512, 300),
  }),
  async ({ changes, end, step }) => {
    const bytes = WHOLE.slice(0, end);
    for (const [at, value] of changes) bytes[at % Math.max(1, end)] = value;
    try {
      let size = 0;
      for await (
        const { content } of readTar(readerOf(bytes, step), { maxEntries: 9, maxBytes: 9_000 })
      ) {
        for await (const piece of content) size += piece.byteLength;
      }
      assert(size <= end);
    } catch (error) {
      assertInstanceOf(error, ApiError);
      assert(error.message.startsWith("Cannot "), error.message);
    }
  },
);

fuzz(
  "readYaml: any text: a value, or InvalidContentError",
  6_000,
  fc.oneof(
    text("ab:- \n'\"[]{}|>#&*!~\t,\\", 80),
    fc.array(
      fc.constantFrom(
        "a: b\n",
        "- ",
        "a:\n",
        "  ",
        "|\n",
        ">-\n",
        "'x'",
        "[b, c]",
        "{d: e}\n",
        " # f\n",
      ),
      {
        maxLength: 12,
      },
    ).map((all) => all.join("")),
  ),
  (input) => {
    try {
      JSON.stringify(readYaml(input));
    } catch (error) {
      assertInstanceOf(error, InvalidContentError);
    }
  },
);

fuzz(
  "describe: any value has a kind",
  4_000,
  fc.oneof(
    fc.anything(),
    fc.record({
      schemaVersion: fc.constantFrom(1, 2, "2", undefined),
      artifactType: fc.oneof(fc.anything(), fc.constantFrom("application/wasm", "")),
      config: fc.oneof(fc.anything(), fc.record({ mediaType: fc.anything() })),
      layers: fc.oneof(fc.anything(), fc.array(fc.anything())),
      manifests: fc.oneof(fc.anything(), fc.array(fc.anything())),
      subject: fc.anything(),
      annotations: fc.anything(),
    }, { requiredKeys: [] }),
  ),
  (manifest) => {
    const { kind, evidence } = describe(manifest);
    assert(kind.length > 0 && evidence.field.length > 0);
  },
);
