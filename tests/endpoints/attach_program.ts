/**
 * A process that attaches to one subject at once: `attach_program <repository> <subject> <count>`.
 * Prints, in JSON, the digests of what it pushed, and of what it could not put on the list.
 */
import { buildManifest, RegistryClientV2 } from "../../mod.ts";

const [name, subject, count] = Deno.args as [string, string, string];
const client = new RegistryClientV2({ name });

const outcomes = await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const { bytes, descriptor: { digest } } = await buildManifest({
      artifactType: "application/vnd.example.note",
      layers: [],
      annotations: { "org.example.id": crypto.randomUUID() },
      subject: JSON.parse(subject),
    });
    const { referrersError } = await client.putManifest({ manifestData: bytes, ref: digest });
    return { digest, failed: referrersError !== undefined };
  }),
);

console.log(JSON.stringify({
  pushed: outcomes.map(({ digest }) => digest),
  failed: outcomes.filter(({ failed }) => failed).map(({ digest }) => digest),
}));
client.close();
