/**
 * What davit, oras and regctl attach to an image, each of them lists: over a registry with the
 * referrers API, over one where all of them share the fallback tag, and in layout folders.
 */
import { assertEquals } from "@std/assert";
import { type Descriptor, RegistryClientV2, RegistryStore } from "../../mod.ts";
import { LayoutStore } from "../../stores/mod.ts";
import { memoryFolder } from "../endpoints/memory_folder.ts";
import { pushArtifact, pushImage } from "../endpoints/samples.ts";
import { type Client, withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { type Registry, type RegistryKind, startRegistry } from "../peers/registries.ts";
import { pullInto } from "./works.ts";

interface Place {
  name: string;
  kind: RegistryKind;
  api: boolean;
  args?: string[];
  /** What oras wants to hear where 405 says that there is no API; it takes only 404 for that. */
  orasArgs?: string[];
}

const PLACES: Place[] = [
  { name: "olareg", kind: "olareg", api: true },
  {
    name: "olareg without the API",
    kind: "olareg",
    api: false,
    args: ["--api-referrer=false"],
    orasArgs: ["--distribution-spec", "v1.1-referrers-tag"],
  },
  { name: "distribution", kind: "distribution", api: false },
  { name: "docker-registry 2.8.2", kind: "docker-registry", api: false },
];
const REPOSITORY = "attached/image";

/** What a client attaches and lists in a place: a registry's repository, or a layout folder. */
interface Attacher {
  attach(text: string): Promise<string>;
  list(): Promise<string[]>;
}

function oras(client: Client, image: string, ...place: string[]): Attacher {
  return {
    async attach(text) {
      await Deno.writeTextFile(`${client.home}/note.txt`, text);
      const type = ["--artifact-type", "application/vnd.oras.note", "--annotation", "by=oras"];
      const file = ["note.txt:text/plain", "--format", "json"];
      return JSON.parse(await client.succeed(["attach", ...place, ...type, image, ...file])).digest;
    },
    async list() {
      const said = await client.succeed([
        "discover",
        ...place,
        "--depth",
        "1",
        "--format",
        "json",
        image,
      ]);
      return JSON.parse(said).referrers.map(({ digest }: Descriptor) => digest).sort();
    },
  };
}

function regctl(client: Client, image: string, host: string): Attacher {
  const here = ["--host", `reg=${host},tls=disabled`, "artifact"];
  return {
    async attach(text) {
      const type = ["--artifact-type", "application/vnd.regctl.note", "--annotation", "by=regctl"];
      const put = ["put", ...type, "--subject", image, "--file-media-type", "text/plain"];
      const said = await client.succeed([...here, ...put, "--format", "{{json .}}"], {
        stdin: text,
      });
      return JSON.parse(said).Manifest.annotations.by;
    },
    async list() {
      const said = await client.succeed([...here, "list", image, "--format", "{{json .}}"]);
      const { descriptors } = JSON.parse(said) as { descriptors: Descriptor[] | null };
      return (descriptors ?? []).map(({ digest }) => digest).sort();
    },
  };
}

async function withBoth(
  registry: Registry,
  fn: (oras: Client, regctl: Client) => Promise<void>,
): Promise<void> {
  await withClient(
    "oras",
    registry,
    (one) => withClient("regctl", registry, (other) => fn(one, other)),
  );
}

for (const { name: where, kind, api, args, orasArgs = [] } of PLACES) {
  Deno.test({
    ...requirePeers(kind, "oras", "regctl"),
    name: `what davit, oras and regctl attach over ${where}, all of them list`,
    fn: async (t) => {
      const registry = await startRegistry(kind, { ...memoryFolder(), ...(args && { args }) });
      const folder = await Deno.makeTempDir({ prefix: "davit_attached_" });
      const { host, origin } = registry;
      const image = `${host}/${REPOSITORY}:v1`;
      const client = new RegistryClientV2({ name: `${origin}/${REPOSITORY}` });
      const { index: { descriptor: subject } } = await pushImage(client, "v1");
      const listed = async () => {
        const { manifests, fromTag } = await client.listReferrers({ digest: subject.digest });
        assertEquals(fromTag, !api);
        return manifests;
      };
      const by = async (name: string) =>
        (await listed()).find(({ annotations }) => annotations?.by === name)!;
      const attachNote = () =>
        pushArtifact(client, {
          artifactType: "application/vnd.davit.note",
          annotations: { by: "davit" },
          subject,
        });
      try {
        await withBoth(registry, async (orasClient, regctlClient) => {
          const byOras = oras(orasClient, image, "--plain-http", ...orasArgs);
          const byRegctl = regctl(regctlClient, image, host);

          await t.step("each attaches, and nobody loses what another attached", async () => {
            const first = await attachNote();
            const digest = await byOras.attach("by oras\n");
            assertEquals((await by("oras")).digest, digest);
            assertEquals(await byRegctl.attach("by regctl\n"), "regctl");
            await attachNote();
            const all = (await listed()).map(({ digest }) => digest).sort();
            assertEquals([all.length, all.includes(first.digest)], [4, true]);
            assertEquals(await byOras.list(), all);
            assertEquals(await byRegctl.list(), all);
          });
          await t.step("types and annotations are what they were attached with", async () => {
            for (const name of ["davit", "oras", "regctl"]) {
              const { artifactType } = await by(name);
              assertEquals(artifactType, `application/vnd.${name}.note`);
              const { manifests } = await client.listReferrers({
                digest: subject.digest,
                artifactType: artifactType!,
              });
              assertEquals(manifests.length, name === "davit" ? 2 : 1);
            }
          });
          await t.step("davit pulls what oras and regctl attached", async () => {
            for (const name of ["oras", "regctl"]) {
              const { digest } = await by(name);
              const layout = new LayoutStore(`${folder}/${name}`);
              await pullInto(layout, new RegistryStore(client), digest);
              const { manifest } = await client.getManifest({ ref: digest });
              const { layers } = manifest as { layers: Descriptor[] };
              assertEquals(layers.map(({ mediaType }) => mediaType), ["text/plain"]);
              const stream = await layout.open(layers[0]!);
              assertEquals(await new Response(stream).text(), `by ${name}\n`);
            }
          });
          await t.step(
            "oras copies image and attachments into a layout, davit lists them",
            async () => {
              const layout = new LayoutStore(`${folder}/copied`);
              const fromSpec = orasArgs.length > 0
                ? ["--from-distribution-spec", orasArgs[1]!]
                : [];
              const to = ["--to-oci-layout", `${layout.folder}:v1`];
              const from = ["--no-tty", "--recursive", "--from-plain-http", ...fromSpec, image];
              await orasClient.succeed(["copy", ...from, ...to]);
              const found = await Array.fromAsync(layout.referrers(await layout.resolve("v1")));
              assertEquals(
                found.map(({ digest }) => digest).sort(),
                (await listed()).map(({ digest }) => digest).sort(),
              );
            },
          );
          await t.step("what davit deletes, nobody lists", async () => {
            const { digest } = await by("oras");
            await client.deleteManifest({ ref: digest });
            const all = (await listed()).map((each) => each.digest).sort();
            assertEquals([all.length, all.includes(digest)], [3, false]);
            assertEquals(await byOras.list(), all);
            assertEquals(await byRegctl.list(), all);
          });
          await t.step("the last one goes, and oras and regctl attach again", async () => {
            for (const { digest } of await listed()) await client.deleteManifest({ ref: digest });
            assertEquals([await byOras.list(), await byRegctl.list()], [[], []]);
            const digest = await byOras.attach("again\n");
            await byRegctl.attach("again\n");
            assertEquals((await by("oras")).digest, digest);
            assertEquals((await listed()).length, 2);
          });
        });
      } finally {
        await registry.stop();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  ...requirePeers("olareg", "oras"),
  name: "what oras puts under the tag of a registry with the API, davit lists beside the API's",
  fn: async () => {
    const registry = await startRegistry("olareg", memoryFolder());
    try {
      const client = new RegistryClientV2({ name: `${registry.origin}/${REPOSITORY}` });
      const { index: { descriptor: subject } } = await pushImage(client, "v1");
      const image = `${registry.host}/${REPOSITORY}:v1`;
      await withClient("oras", registry, async (it) => {
        const byApi = oras(it, image, "--plain-http");
        const tag = ["--distribution-spec", "v1.1-referrers-tag"];
        const byTag = oras(it, image, "--plain-http", ...tag);
        const first = await byTag.attach("under the tag\n");
        const { digest: second } = await pushArtifact(client, { subject });
        assertEquals([await byApi.list(), await byTag.list()], [[second], [first]]);
        const { manifests, fromTag } = await client.listReferrers({ digest: subject.digest });
        assertEquals(manifests.map(({ digest }) => digest), [second, first]);
        assertEquals(fromTag, true);
      });
    } finally {
      await registry.stop();
    }
  },
});

Deno.test({
  ...requirePeers("olareg", "oras", "skopeo", "crane"),
  name: "a layout folder that davit wrote: oras lists and attaches, skopeo and crane read it",
  fn: async (t) => {
    const registry = await startRegistry("olareg");
    const folder = await Deno.makeTempDir({ prefix: "davit_layout_" });
    try {
      const client = new RegistryClientV2({ name: `${registry.origin}/${REPOSITORY}` });
      const { index: { descriptor: subject }, images } = await pushImage(client, "v1");
      const { digest } = await pushArtifact(client, { subject });
      const layout = new LayoutStore(`${folder}/layout`);
      await pullInto(layout, new RegistryStore(client), "v1");
      await pullInto(layout, new RegistryStore(client), digest);
      await layout.tag(subject, "v1");
      const place = `${layout.folder}:v1`;

      await t.step(
        "oras lists what is attached, and attaches",
        () =>
          withClient("oras", registry, async (it) => {
            const byOras = oras(it, place, "--oci-layout");
            assertEquals(await byOras.list(), [digest]);
            const added = await byOras.attach("in a folder\n");
            const found = await Array.fromAsync(layout.referrers(subject));
            assertEquals(found.map((each) => each.digest).sort(), [digest, added].sort());
          }),
      );
      await t.step(
        "skopeo inspects the image of a platform",
        () =>
          withClient("skopeo", registry, async (it) => {
            const raw = await it.succeed(["inspect", "--raw", `oci:${place}`]);
            assertEquals(JSON.parse(raw).manifests.length, 2);
            const arm = ["--override-os", "linux", "--override-arch", "arm64"];
            const said = JSON.parse(await it.succeed([...arm, "inspect", `oci:${place}`]));
            const { layers } = images[1]!.manifest;
            assertEquals([said.Architecture, said.Layers], [
              "arm64",
              layers.map((each) => each.digest),
            ]);
          }),
      );
      await t.step(
        "crane pushes all of it as one index",
        () =>
          withClient("crane", registry, async (it) => {
            const to = `${registry.host}/attached/all:v1`;
            const pushed = await it.succeed(["push", "--index", layout.folder, to]);
            const store = new RegistryStore(client.withRepo("attached/all"));
            const root = await store.resolve("v1");
            assertEquals(pushed.trim(), `${registry.host}/attached/all@${root.digest}`);
            const { digest: file } = await pullInto(new LayoutStore(`${folder}/all`), store, "v1");
            assertEquals(file, root.digest);
          }),
      );
    } finally {
      await registry.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
