/**
 * A pull-through registry between real clients and real registries: what the clients pull is what
 * was pushed behind it, fetched once, and there when the registry behind it is gone.
 */
import { assertEquals } from "@std/assert";
import { type DavitEvent, RegistryClientV2, RegistryStore } from "../../mod.ts";
import { createRegistry, serve } from "../../server/mod.ts";
import { CLIENTS, withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { type RegistryKind, startRegistry } from "../peers/registries.ts";
import { writeSampleLayout } from "../peers/sample_layout.ts";
import { sha256 } from "../bytes.ts";

const UPSTREAMS: RegistryKind[] = ["olareg", "distribution", "docker-registry"];

for (const kind of UPSTREAMS) {
  Deno.test({
    ...requirePeers(kind, ...CLIENTS),
    name: `clients pull through the embedded registry from ${kind}`,
    fn: async () => {
      const behind = await startRegistry(kind, { auth: "basic" });
      const events: DavitEvent[] = [];
      const client = new RegistryClientV2({
        ...{ name: `${behind.origin}/library/sample`, ...behind.credentials },
        onEvent: (event) => events.push(event),
        retry: { maxAttempts: 1 },
      });
      const registry = createRegistry({
        upstream: (repository) => new RegistryStore(client.withRepo(`library/${repository}`)),
        revalidateAfter: 0,
      });
      const server = await serve(registry);
      const target = { host: new URL(server.url).host };
      const folder = await Deno.makeTempDir({ prefix: "davit_pull_through_" });
      let running = true;
      try {
        const sample = await writeSampleLayout(`${folder}/sample`, 3_000_000);
        await withClient(
          "oras",
          behind,
          (it) => it.push(behind, sample.folder, "library/sample:v1"),
        );
        const pullWithAll = (round: string) =>
          Promise.all(CLIENTS.map((name) =>
            withClient(name, target, async (it) => {
              const pulled = `${folder}/${round}-${name}`;
              await it.pull(target, "sample:v1", pulled);
              for (const { digest } of [sample.index, ...sample.manifests, ...sample.blobs]) {
                const file = `blobs/${digest.replace(":", "/")}`;
                assertEquals(
                  sha256(await Deno.readFile(`${pulled}/${file}`)),
                  digest,
                );
              }
              assertEquals(await it.tags(target, "sample"), ["v1"]);
            })
          ));
        await pullWithAll("first");
        assertEquals(downloads(events), expected(sample));
        for (const name of CLIENTS) {
          const refused = await withClient(
            name,
            target,
            (it) => push(it.run, name, target.host, sample.folder),
          );
          assertEquals(refused, 1, `${name} pushes to what can only be pulled from`);
        }
        await behind.stop();
        running = false;
        await pullWithAll("second");
        assertEquals(downloads(events), expected(sample));
        const stale = await fetch(`${server.url}/v2/sample/manifests/v1`, { method: "HEAD" });
        assertEquals(stale.headers.get("warning")?.slice(0, 7), '299 - "');
      } finally {
        await server.close();
        if (running) await behind.stop();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

type Sample = Awaited<ReturnType<typeof writeSampleLayout>>;

/** Every piece of content, once. */
function expected({ index, manifests, blobs }: Sample): string[] {
  return [index, ...manifests, ...blobs].map(({ digest }) => digest).sort();
}

/** The digests that were downloaded. */
function downloads(events: DavitEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === "response" && event.method === "GET" && event.status === 200
      ? /\/(?:blobs|manifests)\/(sha256:\w+)$/.exec(event.url)?.[1] ?? []
      : []
  ).sort();
}

async function push(
  run: (args: string[]) => Promise<{ code: number }>,
  name: string,
  host: string,
  layout: string,
): Promise<number> {
  const args: Record<string, string> = {
    crane: `push ${layout} ${host}/sample:v2`,
    oras: `copy --no-tty --from-oci-layout ${layout}:latest --to-plain-http ${host}/sample:v2`,
    regctl:
      `--host reg=${host},tls=disabled image copy ocidir://${layout}:latest ${host}/sample:v2`,
    skopeo: "--insecure-policy copy --all --dest-tls-verify=false " +
      `oci:${layout}:latest docker://${host}/sample:v2`,
  };
  return (await run(args[name]!.split(" "))).code;
}
