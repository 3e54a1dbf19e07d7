/**
 * Prints a manifest; with a platform, the one of the image for it.
 *
 *     deno run --allow-net examples/get_manifest.ts alpine:3 linux/arm64
 */
import { parseRepoAndRef, RegistryClientV2 } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: get_manifest REFERENCE [OS/ARCHITECTURE]

Prints a manifest; with a platform, the one of the image for it.`;

await runProgram(USAGE, async (reference, platform?: string) => {
  const image = parseRepoAndRef(reference);
  const client = new RegistryClientV2({ repo: image });
  const { manifest, mediaType, digest } = await client.getManifest({
    ref: image.digest ?? image.tag ?? "latest",
    ...(platform !== undefined && { platform }),
  });
  console.error(`${digest} ${mediaType}`);
  console.log(JSON.stringify(manifest, null, 2));
});
