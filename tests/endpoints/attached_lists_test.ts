/**
 * Lists of referrers on registries with the referrers API and without it, where others write the
 * fallback tag too: real ones, the embedded one in memory and on the disk, and imitations.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type DavitEvent,
  type Descriptor,
  fallbackTag,
  ManifestVerificationError,
  MEDIA_TYPES,
  RegistryClientV2,
  UnsupportedError,
} from "../../mod.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { createRegistry, diskBackend, type RegistryOptions } from "../../server/mod.ts";
import { requirePeers } from "../peers/locate.ts";
import { type RegistryKind, startRegistry } from "../peers/registries.ts";
import { image } from "../presets/verbs.ts";
import { inWorld } from "../presets/world.ts";
import { memoryFolder } from "./memory_folder.ts";
import { text } from "./samples.ts";

interface On {
  /** olareg 0.2.2 with the API: one of two at once, and its list when the tag is written. */
  losesLists?: boolean;
  /** Whether the type is its config's: old versions of Quay take nothing but images. */
  imagesOnly?: boolean;
  /** Whether the registry has the API. */
  api: boolean;
  client: RegistryClientV2;
  events: DavitEvent[];
}

interface Place {
  name: string;
  api: boolean;
  ignore?: boolean;
  run(fn: (on: On) => Promise<void>): Promise<void>;
}

function real(name: string, kind: RegistryKind, api: boolean, args?: string[]): Place {
  return {
    ...{ name, api },
    ...requirePeers(kind),
    async run(fn) {
      const registry = await startRegistry(kind, { ...memoryFolder(), ...(args && { args }) });
      const events: DavitEvent[] = [];
      const onEvent = (event: DavitEvent) => void events.push(event);
      try {
        const client = new RegistryClientV2({ name: `${registry.origin}/attached/lists`, onEvent });
        await fn({ api, client, events, losesLists: kind === "olareg" && api });
      } finally {
        await registry.stop();
      }
    },
  };
}

function embedded(name: string, options: RegistryOptions & { disk?: boolean }): Place {
  const { disk, ...rest } = options;
  const api = options.referrersApi ?? true;
  return {
    ...{ name: `the embedded registry ${name}`, api },
    async run(fn) {
      await using folder = await tempFolder();
      const events: DavitEvent[] = [];
      const onEvent = (event: DavitEvent) => void events.push(event);
      const { fetch } = createRegistry({
        ...rest,
        ...(disk && { backend: diskBackend(folder.path) }),
      });
      const client = new RegistryClientV2({ name: "localhost:5000/attached", fetch, onEvent });
      await fn({ api, client, events });
    },
  };
}

function preset(name: "ghcr" | "ecr" | "gitlab" | "quay", api: boolean): Place {
  return {
    ...{ name: `preset ${name}`, api },
    run: (fn) =>
      inWorld(name, "memory", async ({ client, events }) => {
        await fn({ api, client, events, imagesOnly: name === "quay" });
      }),
  };
}

const PLACES: Place[] = [
  real("olareg", "olareg", true),
  real("olareg without the API", "olareg", false, ["--api-referrer=false"]),
  real("distribution", "distribution", false),
  real("docker-registry", "docker-registry", false),
  embedded("in memory", {}),
  embedded("in memory, without the API", { referrersApi: false }),
  embedded("on the disk", { disk: true }),
  embedded("on the disk, without the API", { disk: true, referrersApi: false }),
  preset("ghcr", false),
  preset("ecr", false),
  preset("gitlab", false),
  preset("quay", true),
];

/** What says something even where nothing but images is taken. */
const SBOM = MEDIA_TYPES.dockerConfig;
const OTHER = MEDIA_TYPES.ociConfig;

/** Pushes something of a type; attached where there is a subject. */
async function push(
  { client, imagesOnly = false }: On,
  artifactType: string = SBOM,
  subject?: Descriptor,
): Promise<Descriptor> {
  const fields = { ...(!imagesOnly && { artifactType }), ...(subject && { subject }) };
  const { bytes, descriptor } = await image(client, fields, imagesOnly ? artifactType : OTHER);
  const { referrersError } = await client.putManifest({
    manifestData: bytes,
    ref: descriptor.digest,
  });
  assertEquals(referrersError, undefined);
  return descriptor;
}

/** Writes a fallback tag as others do. */
async function writeTag(client: RegistryClientV2, subject: Descriptor, manifests: unknown[]) {
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  const manifestData = text(JSON.stringify(index));
  await client.putManifest({ manifestData, ref: fallbackTag(subject.digest) });
}

const sorted = (list: Descriptor[]) => list.map(({ digest }) => digest).sort();

type Case = [title: string, run: (on: On) => Promise<void>];

const CASES: Case[] = [
  ["what others put on the tag is listed beside the API's, whichever was first", async (on) => {
    const { client, api } = on;
    const subject = await push(on);
    const onTag = await push(on);
    await writeTag(client, subject, [{ ...onTag, artifactType: SBOM }]);
    const attached = await push(on, OTHER, subject);
    const list = await client.listReferrers({ digest: subject.digest });
    assertEquals(sorted(list.manifests), sorted([onTag, attached]));
    assertEquals(list.fromTag, true);
    const some = await client.listReferrers({ digest: subject.digest, artifactType: OTHER });
    assertEquals([sorted(some.manifests), some.fromTag], [sorted([attached]), !api]);
  }],
  ["both have it: it is listed once", async (on) => {
    const { client, api, losesLists = false } = on;
    const subject = await push(on);
    const attached = await push(on, SBOM, subject);
    await writeTag(client, subject, [{ ...attached, artifactType: SBOM }]);
    const list = await client.listReferrers({ digest: subject.digest });
    assertEquals(sorted(list.manifests), [attached.digest]);
    assertEquals(list.fromTag, !api || losesLists);
  }],
  ["entries of useless types are of their manifest's own", async (on) => {
    const { client } = on;
    const subject = await push(on);
    const found = [];
    for (const useless of [undefined, "", MEDIA_TYPES.ociConfig, MEDIA_TYPES.ociEmpty]) {
      const each = await push(on);
      found.push({ ...each, ...(useless !== undefined && { artifactType: useless }) });
    }
    await writeTag(client, subject, found);
    const list = await client.listReferrers({ digest: subject.digest, artifactType: SBOM });
    assertEquals(sorted(list.manifests), sorted(found));
    assertEquals(list.manifests.map(({ artifactType }) => artifactType), [SBOM, SBOM, SBOM, SBOM]);
  }],
  ["what is gone is skipped, with an event", async (on) => {
    const { client, events } = on;
    const subject = await push(on);
    const [gone, kept] = [await push(on), await push(on)];
    await writeTag(client, subject, [gone, kept].map((each) => ({ ...each, artifactType: SBOM })));
    const deletes = await client.deleteManifest({ ref: gone.digest }).then(() => true, (error) => {
      assert(error instanceof UnsupportedError, error);
      return false;
    });
    const { manifests } = await client.listReferrers({ digest: subject.digest });
    assertEquals(sorted(manifests), sorted(deletes ? [kept] : [gone, kept]));
    const skipped = events.filter((event) =>
      event.type === "referrer-skipped" && event.subject === subject.digest
    );
    assertEquals(skipped.length, deletes ? 1 : 0);
  }],
  ["a tag that names an image is left alone; what is pushed stays", async (on) => {
    const { client, api, events } = on;
    const subject = await push(on);
    const other = await image(client);
    const tag = fallbackTag(subject.digest);
    await client.putManifest({ manifestData: other.bytes, ref: tag });
    const { bytes, descriptor } = await image(client, { subject });
    const pushed = await client.putManifest({ manifestData: bytes, ref: descriptor.digest });
    const list = () => client.listReferrers({ digest: subject.digest });
    if (api) {
      assertEquals(pushed.referrersError, undefined);
      assertEquals(sorted((await list()).manifests), [descriptor.digest]);
      assert(
        events.some((event) =>
          event.type === "referrer-skipped" && event.subject === subject.digest
        ),
      );
    } else {
      const { referrersError: error } = pushed;
      assertEquals([error?.code, error?.pushed], ["REFERRERS_LIST_FAILED", true]);
      await assertRejects(list, ManifestVerificationError, "not an OCI index");
    }
    for (const [ref, { digest }] of [[tag, other.descriptor], [subject.digest, subject]] as const) {
      assertEquals((await client.headManifest({ ref })).digest, digest);
    }
    await client.headManifest({ ref: descriptor.digest });
  }],
];

const AT_ONCE: Case = ["50 attached at once by one process: 50 are listed", async (on) => {
  const subject = await push(on);
  const attached = await Promise.all(
    Array.from({ length: 50 }, () => push(on, SBOM, subject)),
  );
  const { manifests } = await on.client.listReferrers({ digest: subject.digest });
  assertEquals(sorted(manifests), sorted(attached));
}];

for (const { name, ignore, run } of PLACES) {
  Deno.test({
    ...(ignore !== undefined && { ignore }),
    sanitizeOps: false, // other registries of the same file go on beside it, and their logs are read
    name: `lists of referrers on ${name}`,
    fn: (t) =>
      run(async (on) => {
        const cases = on.losesLists ? CASES : [...CASES, AT_ONCE];
        for (const [title, one] of cases) await t.step(title, () => one(on));
      }),
  });
}
