/**
 * `@sigstore/oci` of npm and davit's face of it, side by side on the same registries: the same bytes.
 * And a bundle that `@sigstore/bundle` made: attached, listed, fetched and verified again.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fallbackTag, RegistryClientV2 } from "@davit/registry-client";
import { createRegistry, serve } from "@davit/registry-client/server";
import { attachArtifactToImage, getImageDigest } from "@davit/registry-client/sigstore-oci";
import { pushImage, text } from "../endpoints/samples.ts";
import { neededPeer, type PeerName, requirePeers } from "../peers/locate.ts";
import { type Credentials, startRegistry } from "../peers/registries.ts";

const SCRIPT = decodeURIComponent(new URL("sigstore_oci.cjs", import.meta.url).pathname);

interface Outcome {
  // deno-lint-ignore no-explicit-any
  answer?: any;
  error?: string;
  cause?: string;
}

/** Calls a function of one of the npm packages, in Node. */
async function call(peer: PeerName, name: string, ...args: unknown[]): Promise<Outcome> {
  const command = new Deno.Command(neededPeer("node24"), {
    args: [SCRIPT, neededPeer(peer), name, JSON.stringify(args)],
  });
  const { success, stdout, stderr } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

interface Place {
  origin: string;
  host: string;
  credentials?: Credentials;
  stop(): Promise<void>;
}

async function embedded(referrersApi: boolean): Promise<Place> {
  const credentials = { username: "you", password: "pä:ss word" };
  const users = { you: credentials.password };
  const server = await serve(createRegistry({ referrersApi, auth: { basic: { users } } }));
  const origin = server.url.replace(/\/$/, "");
  return { origin, host: new URL(origin).host, credentials, stop: () => server.close() };
}

const PLACES: [name: string, peers: PeerName[], start: () => Promise<Place>, tag: boolean][] = [
  ["the embedded server", [], () => embedded(true), false],
  ["the embedded server without referrers", [], () => embedded(false), true],
  ["olareg", ["olareg"], () => startRegistry("olareg"), false],
  [
    "olareg without referrers",
    ["olareg"],
    () => startRegistry("olareg", { args: ["--api-referrer=false"] }),
    true,
  ],
  ["distribution", ["distribution"], () => startRegistry("distribution"), true],
  [
    "distribution with Basic",
    ["distribution"],
    () => startRegistry("distribution", { auth: "basic" }),
    true,
  ],
];

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** What is attached; its time is the caller's, so that both write the same. */
function artifact(body: string) {
  return {
    artifact: { bytes: body },
    mediaType: BUNDLE,
    annotations: {
      "org.opencontainers.image.created": "2026-11-30T03:31:43.853Z",
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1",
    },
  };
}

for (const [name, peers, start, tag] of PLACES) {
  Deno.test({
    ...requirePeers("node24", "sigstore-oci", "sigstore-bundle", ...peers),
    name: `@sigstore/oci and davit on ${name}`,
    fn: async (t) => {
      const place = await start();
      const { origin, host, credentials } = place;
      try {
        const [theirs, ours] = ["theirs", "ours"].map((repository) =>
          new RegistryClientV2({
            name: `${origin}/sigstore/${repository}`,
            scopes: ["pull", "push"],
            ...(credentials && { credentials }),
          })
        ) as [RegistryClientV2, RegistryClientV2];
        const { index: { descriptor: subject } } = await pushImage(theirs, "v1");
        await copyImage(theirs, ours, subject.digest);
        const image = (client: RegistryClientV2) => ({
          imageName: `${host}/${client.repo.remoteName}`,
          imageDigest: subject.digest,
          ...(credentials && { credentials }),
        });
        const byThem = async (body: string, client = theirs) => {
          const options = { ...artifact(body), ...image(client) };
          const { answer, error, cause } = await call(
            "sigstore-oci",
            "attachArtifactToImage",
            options,
          );
          assertEquals([error, cause], [undefined, undefined]);
          return answer;
        };
        const byUs = async (body: string, client = ours) =>
          await attachArtifactToImage({
            ...artifact(body),
            artifact: text(body),
            ...image(client),
          });
        const bytesOf = async (client: RegistryClientV2, ref: string) =>
          new TextDecoder().decode((await client.getManifest({ ref })).bytes);
        const listed = async (client: RegistryClientV2) => {
          const { manifests } = await client.listReferrers({ digest: subject.digest });
          return manifests.map(({ digest }) => digest).sort();
        };

        await t.step("the same answer, manifest and fallback index, to the byte", async () => {
          for (const body of ["one", "two"]) {
            const descriptor = await byThem(body);
            assertEquals(await byUs(body), descriptor);
            assertEquals(
              await bytesOf(ours, descriptor.digest),
              await bytesOf(theirs, descriptor.digest),
            );
          }
          assertEquals(await listed(ours), await listed(theirs));
          if (!tag) return;
          const ref = fallbackTag(subject.digest);
          assertEquals(await bytesOf(ours, ref), await bytesOf(theirs, ref));
        });
        await t.step("each attaches beside what the other attached", async () => {
          await byThem("three", ours);
          await byUs("three", theirs);
          assertEquals((await listed(ours)).length, 3);
          assertEquals(await listed(ours), await listed(theirs));
        });
        await t.step("the time is written in the same form", async () => {
          const { annotations: _annotations, ...options } = artifact("four");
          const { answer } = await call("sigstore-oci", "attachArtifactToImage", {
            ...options,
            ...image(theirs),
          });
          const own = await attachArtifactToImage({
            ...options,
            artifact: text("four"),
            ...image(ours),
          });
          const [one, other] = await Promise.all([
            bytesOf(theirs, answer.digest),
            bytesOf(ours, own.digest),
          ]);
          const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
          assertMatch(other, time);
          assertEquals(other.replace(time, ""), one.replace(time, ""));
        });
        await t.step("letters beyond ASCII: davit counts bytes", async () => {
          const { digest, size } = await attachArtifactToImage({
            artifact: text("five"),
            mediaType: BUNDLE,
            annotations: { note: "grüße \u2028" },
            ...image(ours),
          });
          const { bytes } = await ours.getManifest({ ref: digest });
          assertEquals(size, bytes.byteLength);
          const { manifests } = await ours.listReferrers({ digest: subject.digest });
          assertEquals(manifests.find((each) => each.digest === digest)?.size, size);
        });
        await t.step("the digest of a tag, and of one that is not there", async () => {
          const { imageDigest: _digest, ...options } = image(theirs);
          const tagged = { ...options, imageTag: "v1" };
          const { answer } = await call("sigstore-oci", "getImageDigest", tagged);
          assertEquals([answer, await getImageDigest(tagged)], [subject.digest, subject.digest]);
          const missing = { ...options, imageTag: "none" };
          const { error, cause } = await call("sigstore-oci", "getImageDigest", missing);
          const own = await getImageDigest(missing).catch((reason) => reason);
          assert(own.message.startsWith(`${error}: `), own.message);
          const expected = /expected \d+, received \d+/;
          assertEquals(expected.exec(own.cause.message)?.[0], expected.exec(cause!)?.[0]);
        });
        await t.step(
          "a bundle of @sigstore/bundle: attached, listed, fetched, verified",
          async () => {
            const statement = {
              _type: "https://in-toto.io/Statement/v1",
              subject: [{ name: "app", digest: { sha256: subject.digest.slice(7) } }],
              predicateType: "https://slsa.dev/provenance/v1",
              predicate: {},
            };
            const { answer: made } = await call("sigstore-bundle", "makeBundle", statement);
            const { digest } = await attachArtifactToImage({
              artifact: text(JSON.stringify(made.bundle)),
              mediaType: made.bundle.mediaType,
              ...image(ours),
            });
            const { manifests } = await ours.listReferrers({
              digest: subject.digest,
              artifactType: made.bundle.mediaType,
            });
            assert(manifests.some((each) => each.digest === digest));
            const { manifest } = await ours.getManifest({
              ref: digest,
              acceptManifestLists: false,
            });
            const blob = await ours.getBlob(manifest.layers[0]!.digest);
            const { answer } = await call(
              "sigstore-bundle",
              "readBundle",
              await blob.json(),
              made.key,
            );
            assertEquals(answer, { mediaType: BUNDLE, statement });
          },
        );
      } finally {
        await place.stop();
      }
    },
  });
}

/** Copies an index with its images to another repository of the registry. */
async function copyImage(from: RegistryClientV2, to: RegistryClientV2, root: string) {
  const { manifest, bytes, digest } = await from.getManifest({ ref: root });
  if ("manifests" in manifest) {
    for (const each of manifest.manifests) await copyImage(from, to, each.digest);
  } else if ("layers" in manifest) {
    for (const each of [manifest.config, ...manifest.layers]) {
      await to.putBlob((await from.getBlob(each.digest)).stream, each);
    }
  }
  await to.putManifest({ manifestData: bytes, ref: digest });
}
