/** Layouts as other tools write them, and damaged ones: each entry that can be read is. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import {
  ApiError,
  ContentNotFoundError,
  InvalidContentError,
  InvalidReferenceError,
  SizeMismatchError,
} from "../errors.ts";
import { buildIndex, buildManifest } from "../manifest/build.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import { inFolder } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";

const REF_NAME = "org.opencontainers.image.ref.name";
const IMAGE_NAME = "io.containerd.image.name";

interface Built {
  descriptor: Descriptor;
  bytes: Bytes;
}

const image = (label: string, subject?: Descriptor) =>
  buildManifest({
    artifactType: "example/artifact",
    layers: [],
    annotations: { label },
    ...(subject && { subject }),
  });

const [A, B] = [await image("a"), await image("b")];
const [a, b] = [A.descriptor, B.descriptor];

const named = (entry: Descriptor, name: string, more: Record<string, string> = {}) => ({
  ...entry,
  annotations: { [REF_NAME]: name, ...more },
});

const pathOf = (folder: string, { digest }: Descriptor) =>
  `${folder}/blobs/${digest.replace(":", "/")}`;

/** Writes a layout folder without a store. */
async function writeLayout(
  folder: string,
  manifests: unknown[],
  built: Built[] = [A, B],
): Promise<void> {
  await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
  await Deno.writeTextFile(`${folder}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  await Deno.writeTextFile(
    `${folder}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests }),
  );
  for (const { descriptor, bytes } of built) {
    await Deno.writeFile(pathOf(folder, descriptor), bytes);
  }
}

const { mediaType: _type, ...untyped } = named(a, "1.0");

/** The class of an error, whichever. */
// deno-lint-ignore no-explicit-any
type Failure = new (...args: any[]) => ApiError;

type Answer = Descriptor | Failure;

/** What is in an index, and what its references name. */
const NAMES: [what: string, manifests: unknown[], answers: Record<string, Answer>][] = [
  ["tags", [named(a, "1.0"), named(b, "2.0")], {
    ...{ "1.0": a, "2.0": b, "3.0": ContentNotFoundError },
    ...{ "": InvalidReferenceError, [a.digest]: a },
  }],
  ["no tag", [a], { "": a, latest: ContentNotFoundError }],
  ["nothing", [], { "": ContentNotFoundError }],
  ["annotations that are null", [{ ...a, annotations: null }], { "": a }],
  ["an entry without a media type", [untyped], { "": a, "1.0": a }],
  ["a full name of skopeo's", [named(a, "localhost:5000/team/app:1.0"), named(b, "2.0")], {
    ...{ "1.0": a, "localhost:5000/team/app:1.0": a, "team/app:1.0": ContentNotFoundError },
    "localhost:5000/team/app": ContentNotFoundError,
  }],
  ["a full name with a digest", [named(a, `example.com/app:1.0@${a.digest}`)], {
    ...{ "1.0": a, "example.com/app:1.0": a },
  }],
  ["full names of Docker Hub", [named(a, "docker.io/library/app:latest")], {
    ...{ "app:latest": a, "docker.io/app": a, "library/app": a, latest: a },
  }],
  ["containerd's names", [named(a, "1.0", { [IMAGE_NAME]: "docker.io/example/app:1.0" })], {
    ...{ "1.0": a, "example/app:1.0": a, "docker.io/example/app:1.0": a },
  }],
  ["containerd's name alone", [{ ...a, annotations: { [IMAGE_NAME]: "example.com/app:1.0" } }], {
    ...{ "1.0": a, "example.com/app:1.0": a },
  }],
  ["one tag in two repositories", [named(a, "x.test/one:1"), named(b, "x.test/two:1")], {
    ...{ "1": InvalidReferenceError, "x.test/one:1": a, "x.test/two:1": b },
  }],
  ["a tag, and a full name with that tag", [named(a, "x.test/one:1"), named(b, "1")], {
    ...{ "1": b, "x.test/one:1": a },
  }],
  ["one tag twice", [named(a, "1.0"), named(a, "1.0")], { "1.0": a, "": a }],
  ["one tag for two manifests", [named(a, "1.0"), named(b, "1.0")], {
    "1.0": InvalidReferenceError,
  }],
  ["a full name that is asked for with a digest", [named(a, "x.test/one:1")], {
    ...{ [`x.test/one:1@${a.digest}`]: a, [`x.test/one:1@${b.digest}`]: ContentNotFoundError },
  }],
  ["one full name in two spellings", [named(a, "app:1"), named(b, "docker.io/library/app:1")], {
    ...{ "app:1": a, "docker.io/library/app:1": b, "docker.io/app:1": InvalidReferenceError },
  }],
  ["a name that is no tag", [named(a, "a name")], { "a name": a, name: ContentNotFoundError }],
];

for (const [what, manifests, answers] of NAMES) {
  Deno.test(`LayoutStore: an index with ${what}`, () =>
    inFolder(async (folder) => {
      await writeLayout(folder, manifests);
      const store = new LayoutStore(folder);
      for (const [reference, answer] of Object.entries(answers)) {
        if (typeof answer === "function") {
          await assertRejects(() => store.resolve(reference), answer, undefined, reference);
        } else {
          const { annotations, ...found } = await store.resolve(reference);
          const { annotations: _none, ...expected } = answer;
          assertEquals(found, expected, reference);
          assertEquals(annotations?.[REF_NAME] ?? annotations?.[IMAGE_NAME], undefined);
        }
      }
    }));
}

Deno.test("LayoutStore: a reference that names several lists them with their platforms; one is enough", () =>
  inFolder(async (folder) => {
    const on = (entry: Descriptor, architecture: string) => ({
      ...named(entry, "1.0"),
      platform: { os: "linux", architecture },
    });
    await writeLayout(folder, [on(a, "amd64"), on(b, "arm64")]);
    const store = new LayoutStore(folder);
    for (const reference of ["1.0", ""]) {
      const { message } = await assertRejects(
        () => store.resolve(reference),
        InvalidReferenceError,
      );
      for (const part of [a.digest, b.digest, "linux/amd64", "linux/arm64", folder]) {
        assert(message.includes(part), message);
      }
      const { digest } = await store.resolve(reference, { platform: "linux/arm64" });
      assertEquals(digest, b.digest);
      await assertRejects(
        () => store.resolve(reference, { platform: "linux/s390x" }),
        ContentNotFoundError,
      );
    }
  }));

Deno.test("LayoutStore: of many names, and many entries, a message lists some", () =>
  inFolder(async (folder) => {
    const many = (make: (at: number) => Descriptor) =>
      Array.from({ length: 10_000 }, (_, at) => make(at));
    const digest = (at: number) => `sha256:${at.toString(16).padStart(64, "0")}`;
    const cases: [Descriptor[], more: string][] = [
      [many((at) => named(a, `t${at}`)), `t19 and 9980 more: ${a.digest}`],
      [
        many((at) => ({ ...named(a, `t${at}`), digest: digest(at) })),
        `${digest(19)} and 9980 more`,
      ],
    ];
    for (const [entries, more] of cases) {
      await writeLayout(folder, entries);
      const { message } = await assertRejects(
        () => new LayoutStore(folder).resolve("gone"),
        ContentNotFoundError,
      );
      assert(message.endsWith(more) && message.length < 3_000, message.slice(-200));
    }
  }));

Deno.test("LayoutStore: what an image is made of, and is attached to, is no image beside it", () =>
  inFolder(async (folder) => {
    const index = await buildIndex({ manifests: [a, b] });
    const sbom = await image("sbom", a);
    const lists: [entries: unknown[], only: Descriptor][] = [
      [[named(index.descriptor, "1.0"), a, b], index.descriptor],
      [[a, b, index.descriptor], index.descriptor],
      [[a, named(sbom.descriptor, "sbom")], sbom.descriptor],
      [[a, sbom.descriptor], a],
      [[sbom.descriptor], sbom.descriptor],
    ];
    for (const [entries, { digest }] of lists) {
      await writeLayout(folder, entries, [A, B, index, sbom]);
      assertEquals((await new LayoutStore(folder).resolve("")).digest, digest);
    }
    await writeLayout(folder, [named(index.descriptor, "1.0"), named(a, "a")], [A, B, index]);
    await assertRejects(() => new LayoutStore(folder).resolve(""), InvalidReferenceError);
  }));

Deno.test("LayoutStore: tags of full names are tags, once each", () =>
  inFolder(async (folder) => {
    await writeLayout(folder, [
      ...[named(a, "x.test:5000/one:v2"), named(b, "v2"), named(b, "v1")],
      ...[named(a, "x.test:5000/one"), a],
    ]);
    const tags = await Array.fromAsync(new LayoutStore(folder).tags());
    assertEquals(tags, ["v1", "v2", "x.test:5000/one"]);
  }));

/** How other tools keep what is attached. */
const ATTACHED: [what: string, entries: (attached: Descriptor, list: Descriptor) => unknown[]][] = [
  ["untagged in the index, as oras does", (attached) => [attached]],
  ["under the fallback tag, as regctl does", (_, list) => [named(list, fallbackTag(a.digest))]],
  ["in both ways", (attached, list) => [attached, named(list, fallbackTag(a.digest))]],
  ["as its sibling in an index", (_, list) => [list]],
];

for (const [what, entries] of ATTACHED) {
  Deno.test(`LayoutStore: what is attached ${what}, is found once`, () =>
    inFolder(async (folder) => {
      const attached = await image("sbom", a);
      const list = await buildIndex({ manifests: [a, attached.descriptor] });
      const listed = entries(attached.descriptor, list.descriptor);
      await writeLayout(folder, [named(a, "1.0"), ...listed], [A, attached, list]);
      const store = new LayoutStore(folder);
      const found = async (artifactType?: string) =>
        (await Array.fromAsync(store.referrers(a, { ...(artifactType && { artifactType }) })))
          .map(({ digest, artifactType }) => [digest, artifactType]);
      const expected = [[attached.descriptor.digest, "example/artifact"]];
      assertEquals(await found(), expected);
      assertEquals(await found("example/artifact"), expected);
      assertEquals(await found("example/other"), []);
      assertEquals(await Array.fromAsync(store.referrers(b)), []);
      if (listed[0] !== list.descriptor) {
        assertEquals((await store.resolve("")).digest, a.digest, "it is no image beside it");
      }
      await Deno.remove(pathOf(folder, attached.descriptor));
      assertEquals(await found(), []);
    }));
}

Deno.test("LayoutStore: a broken entry of a list under the fallback tag hides no other one", () =>
  inFolder(async (folder) => {
    const attached = await image("sbom", a);
    const entries = [{}, null, attached.descriptor, { ...attached.descriptor, size: "many" }];
    const bytes = encodeText(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: entries }),
    );
    const list = { bytes, descriptor: await describeBytes(bytes, MEDIA_TYPES.ociIndex) };
    const tag = fallbackTag(a.digest);
    await writeLayout(folder, [named(a, "1.0"), named(list.descriptor, tag)], [A, attached, list]);
    const found = await Array.fromAsync(new LayoutStore(folder).referrers(a));
    assertEquals(found.map(({ digest }) => digest), [attached.descriptor.digest]);
  }));

/** What a broken entry is called, and what names it. */
const NAMED_ODD: [annotations: Record<string, string>, reference: string][] = [
  [{ [REF_NAME]: "v1" }, "v1"],
  [{ [REF_NAME]: "x.test/app:v1" }, "v1"],
  [{ [REF_NAME]: "x.test/app:v1" }, "x.test/app:v1"],
  [{ "io.containerd.image.name": "docker.io/library/app:v1" }, "app:v1"],
  [{}, ""],
];

for (const [annotations, reference] of NAMED_ODD) {
  const title = JSON.stringify([annotations, reference]);
  Deno.test(`LayoutStore: an entry that cannot be read is told by its names: ${title}`, () =>
    inFolder(async (folder) => {
      await writeLayout(folder, [{ ...a, size: -1, annotations }]);
      const store = new LayoutStore(folder);
      await assertRejects(() => store.resolve(reference), InvalidContentError, "entry 0");
      await assertRejects(() => store.resolve("v2"), ContentNotFoundError, "v2");
      assertEquals((await store.resolve(a.digest)).digest, a.digest);
    }));
}

/** Entries that cannot be read. */
const ODD: [what: string, entry: unknown][] = [
  ["a number", 7],
  ["null", null],
  ["without a digest", { ...named(b, "odd"), digest: undefined }],
  ["with a digest that leads out", { ...named(b, "odd"), digest: "../../etc/passwd" }],
  ["with a size that is a text", { ...named(b, "odd"), size: "12" }],
  ["without a media type, of what is not here", {
    ...{ digest: `sha256:${"0".repeat(64)}`, size: 3, annotations: { [REF_NAME]: "odd" } },
  }],
];

for (const [what, entry] of ODD) {
  Deno.test(`LayoutStore: an entry that is ${what} stays, and the others can be read`, () =>
    inFolder(async (folder) => {
      await writeLayout(folder, [entry, named(a, "1.0")]);
      const store = new LayoutStore(folder);
      assertEquals((await store.resolve("1.0")).digest, a.digest);
      assertEquals(await Array.fromAsync(store.tags()), ["1.0"]);
      const isNamed = typeof entry === "object" && entry !== null;
      const failure: Failure = isNamed ? InvalidContentError : ContentNotFoundError;
      await assertRejects(() => store.resolve("odd"), failure);
      await store.tag(b, "2.0");
      await store.untag("1.0");
      const { manifests } = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
      assertEquals(manifests[0], JSON.parse(JSON.stringify(entry)));
      assertEquals(manifests.length, 2);
    }));
}

Deno.test("LayoutStore: an entry without a media type is written back without one", () =>
  inFolder(async (folder) => {
    await writeLayout(folder, [untyped]);
    const store = new LayoutStore(folder);
    await store.tag(b, "2.0");
    const { manifests } = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
    assertEquals(manifests, [untyped, named(b, "2.0")]);
    await store.tag(b, "1.0");
    assertEquals((await store.resolve("1.0")).digest, b.digest);
  }));

/** What is wrong with a layout, and what reading its image fails with. */
const BROKEN: [
  what: string,
  error: Failure,
  spoil: (folder: string) => Promise<unknown>,
][] = [
  ["a blob that is missing", ContentNotFoundError, (folder) => Deno.remove(pathOf(folder, a))],
  ["a blob that was cut", SizeMismatchError, (folder) => Deno.truncate(pathOf(folder, a), 9)],
  [
    "a size that is wrong",
    SizeMismatchError,
    (folder) => writeLayout(folder, [{ ...named(a, "1.0"), size: a.size + 1 }]),
  ],
  ["half an index.json", InvalidContentError, async (folder) => {
    const text = await Deno.readTextFile(`${folder}/index.json`);
    await Deno.writeTextFile(`${folder}/index.json`, text.slice(0, text.length / 2));
  }],
  ["no index.json", InvalidContentError, (folder) => Deno.remove(`${folder}/index.json`)],
  [
    "another version",
    InvalidContentError,
    (folder) => Deno.writeTextFile(`${folder}/oci-layout`, '{"imageLayoutVersion":"2.0.0"}'),
  ],
  [
    "an oci-layout that is no JSON",
    InvalidContentError,
    (folder) => Deno.writeTextFile(`${folder}/oci-layout`, "1.0.0"),
  ],
];

for (const [what, error, spoil] of BROKEN) {
  Deno.test(`LayoutStore: a layout with ${what}: ${error.name}`, () =>
    inFolder(async (folder) => {
      await writeLayout(folder, [named(a, "1.0"), named(b, "2.0")]);
      await spoil(folder);
      const store = new LayoutStore(folder);
      await assertRejects(async () => await store.open(await store.resolve("1.0")), error);
      assertEquals(await new Response(await store.open(b)).bytes(), B.bytes, "the other one reads");
      if (error === InvalidContentError) {
        const before = await Deno.readTextFile(`${folder}/oci-layout`);
        await assertRejects(() => store.tag(b, "3.0"), InvalidContentError);
        assertEquals(await Deno.readTextFile(`${folder}/oci-layout`), before);
      }
    }));
}

Deno.test("LayoutStore: a link to another blob is read, one that leads out is not there", () =>
  inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/outside`, A.bytes);
    const layout = `${folder}/layout`;
    await writeLayout(layout, [named(a, "1.0"), named(b, "2.0")], [B]);
    const store = new LayoutStore(layout);
    const aside = `${layout}/blobs/sha256/${"0".repeat(64)}`;
    const targets: [target: string, reads: boolean][] = [
      ...[[aside, true], [aside.replace(/.*\//, ""), true]] as [string, boolean][],
      ...[[`${folder}/outside`, false], ["../../../outside", false]] as [string, boolean][],
      ...[["nowhere", false], [pathOf(layout, a), false]] as [string, boolean][],
    ];
    await Deno.writeFile(aside, A.bytes);
    for (const [target, reads] of targets) {
      await Deno.symlink(target, pathOf(layout, a));
      assertEquals(await store.exists(a), reads, target);
      if (reads) assertEquals(await new Response(await store.open(a)).bytes(), A.bytes);
      else await assertRejects(() => store.open(a), ContentNotFoundError, "cp -rL");
      assertEquals(await new Response(await store.open(b)).bytes(), B.bytes);
      await Deno.remove(pathOf(layout, a));
    }
    // A link that leads to other bytes is replaced, and what it led to stays.
    await Deno.symlink(pathOf(layout, b), pathOf(layout, a));
    await store.write(a, A.bytes);
    assertEquals(await new Response(await store.open(a)).bytes(), A.bytes);
    assertEquals(await Deno.readFile(pathOf(layout, b)), B.bytes);
  }));

Deno.test("LayoutStore: mount takes nothing that is damaged, and repairs what is damaged here", () =>
  inFolder(async (folder) => {
    const [from, to] = [new LayoutStore(`${folder}/from`), new LayoutStore(`${folder}/to`)];
    const content = encodeText("hello");
    const blob = { mediaType: "a/b", digest: await digestOf(content), size: 5 };
    await from.write(blob, content);
    await to.write(blob, content);
    await Deno.writeTextFile(pathOf(to.folder, blob), "hellO");
    assertEquals(await to.mount(blob, from), true);
    assertEquals(await new Response(await to.open(blob)).text(), "hello");
    await Deno.writeTextFile(pathOf(from.folder, blob), "hellO"); // one file with two names by now
    assertEquals(await to.mount(blob, from), false);
    await to.write(blob, content);
    assertEquals(await new Response(await to.open(blob)).text(), "hello");
    assertEquals(await Deno.readTextFile(pathOf(from.folder, blob)), "hellO");
  }));
