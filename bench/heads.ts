/**
 * What `task bench` measures of many small requests: the heads of 1,000 manifests from a registry
 * that wants tokens, beside a program on go-containerregistry, whose commands do not do that.
 */
import { type RegistryClientOpts, RegistryClientV2 } from "@davit/registry-client";
import { neededPeer } from "../tests/peers/locate.ts";
import { CREDENTIALS, startRegistry } from "../tests/peers/registries.ts";
import { inRounds } from "./compete.ts";
import { inParallel } from "./in_parallel.ts";
import { median } from "./measure.ts";
import type { Runtime } from "./runtimes.ts";
import { markdownTable } from "./table.ts";

const MANIFESTS = 1_000;

/** The program that davit is measured beside. */
const PULLER = "go-containerregistry's remote.Puller";

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

const encoder = new TextEncoder();

/** Where the registry keeps its data, and who is measured. */
interface HeadsSetting {
  /** A folder, in memory where the machine has one. */
  folder: string;
  runtimes: readonly Runtime[];
}

async function output(command: string, args: string[]): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} failed: ${decoder.decode(stderr)}`);
  return Number(decoder.decode(stdout));
}

async function pushManifests(
  name: string,
  options: Partial<RegistryClientOpts>,
): Promise<void> {
  const client = new RegistryClientV2({ name, ...options, scopes: ["pull", "push"] });
  const config = await client.putBlob(encoder.encode("{}"));
  const numbers = Array.from({ length: MANIFESTS }, (_, number) => number);
  await inParallel(numbers, async (number) => {
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { ...config, mediaType: "application/vnd.oci.image.config.v1+json" },
      layers: [],
      annotations: { number: String(number) },
    };
    const manifestData = encoder.encode(JSON.stringify(manifest));
    await client.putManifest({ ref: `t${number}`, manifestData, mediaType: MANIFEST_TYPE });
  });
}

export async function benchHeads(
  runs: number,
  { folder, runtimes }: HeadsSetting,
  tell: (title: string, text: string) => void,
): Promise<void> {
  const registry = await startRegistry("distribution", { folder, auth: "bearer" });
  try {
    const name = `${registry.host}/bench/heads`;
    const realm = new URL(registry.tokens!.realm).origin;
    await pushManifests(name, { ...CREDENTIALS, trustedRealms: { [registry.host]: realm } });
    const args = [name, CREDENTIALS.username, CREDENTIALS.password, String(MANIFESTS)];
    const contestants = [
      ...runtimes.map(({ name, run }) => ({ name, ...run("davit_heads.mjs", ...args, realm) })),
      { name: PULLER, command: neededPeer("puller"), args },
    ];
    const results = await inRounds(
      runs,
      () => contestants,
      ({ command, args }) => output(command, args),
    );
    const yardstick = median(results.get(PULLER)!);
    tell(
      `Heads of ${MANIFESTS.toLocaleString("en")} manifests, 32 at once, with a token`,
      markdownTable(
        ["", "wall ms", "wall / remote.Puller"],
        [...results].map(([name, all]) => [
          name,
          median(all).toFixed(0),
          (median(all) / yardstick).toFixed(2),
        ]),
      ),
    );
  } finally {
    await registry.stop();
  }
}
