/** What is sent to Chainloop's repositories, over real registries: crane pulls it as an image. */
import { assertEquals } from "@std/assert";
import { register } from "../../integrations/chainloop/mod.ts";
import { assertBytes, text } from "../endpoints/samples.ts";
import { memoryFolder } from "../endpoints/memory_folder.ts";
import { LAYOUT_TAG, withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { CREDENTIALS, type RegistryKind, startRegistry } from "../peers/registries.ts";

const KINDS: RegistryKind[] = ["olareg", "distribution", "docker-registry"];

for (const kind of KINDS) {
  Deno.test({
    ...requirePeers(kind, "crane"),
    name: `Chainloop over ${kind} with a password: crane pulls the attestation that was sent`,
    fn: async () => {
      const registry = await startRegistry(kind, { auth: "basic", ...memoryFolder() });
      const folder = await Deno.makeTempDir({ prefix: "davit_chainloop_" });
      try {
        const repository = `${registry.host}/you/attestations`;
        const registration = await register({ repository, ...CREDENTIALS });
        const attachment = registration.attach();
        const envelope = { payloadType: "t", payload: "cA==", signatures: [{ sig: "cw==" }] };
        const { artifact, digest } = await attachment.send(envelope);
        assertEquals(await attachment.describe(artifact.digest), artifact);
        const place = `you/attestations/chainloop-${artifact.digest}:${LAYOUT_TAG}`;
        await withClient("crane", registry, async (crane) => {
          assertEquals(await crane.digest(registry, place), digest);
          await crane.pull(registry, place, folder);
        });
        const layer = await Deno.readFile(`${folder}/blobs/sha256/${artifact.digest}`);
        const json =
          '{"payloadType":"t","payload":"cA==","signatures":[{"keyid":"","sig":"cw=="}]}';
        assertBytes(layer, text(json));
      } finally {
        await registry.stop();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
