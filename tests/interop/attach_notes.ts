/**
 * A process that attaches: `attach_notes.ts <repository's URL> <subject's descriptor> <name> <count>`.
 * Prints the digests of what was attached without an error, as JSON.
 */
import { RegistryClientV2, RegistryStore } from "../../mod.ts";
import { attach } from "../../artifact/mod.ts";

const [name, subject, label, count] = Deno.args as [string, string, string, string];
const store = new RegistryStore(new RegistryClientV2({ name }));
const results = await Promise.allSettled(
  Array.from({ length: Number(count) }, (_, at) =>
    attach(store, JSON.parse(subject), {
      artifactType: "application/vnd.example.note.v1",
      layers: [{ body: `note ${at} of ${label}` }],
    })),
);
const digests = results.flatMap((it) => it.status === "fulfilled" ? it.value.digest : []);
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(digests)));
