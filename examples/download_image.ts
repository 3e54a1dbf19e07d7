/**
 * Downloads the image for one platform, its config and its layers, into an OCI layout folder, which
 * skopeo, oras and crane read. All bytes are verified; what is there already is not pulled again.
 *
 *     deno run --allow-net --allow-read=. --allow-write=. examples/download_image.ts alpine:3 linux/arm64 alpine
 */
import {
  childrenOf,
  parseRepoAndRef,
  RegistryClientV2,
  RegistryStore,
} from "@davit/registry-client";
import { LayoutStore } from "@davit/registry-client/stores";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: download_image REFERENCE OS/ARCHITECTURE FOLDER

Downloads the image for one platform into an OCI layout folder.`;

await runProgram(USAGE, async (reference, platform, folder) => {
  const image = parseRepoAndRef(reference);
  const client = new RegistryClientV2({ repo: image });
  const ref = image.digest ?? image.tag ?? "latest";
  const { manifest, bytes, mediaType, digest } = await client.getManifest({ ref, platform });

  const remote = new RegistryStore(client);
  const local = new LayoutStore(folder);
  for (const blob of childrenOf(manifest)) {
    const here = await local.exists(blob);
    if (!here) await local.write(blob, await remote.open(blob));
    console.log(`${blob.digest} ${blob.size} bytes${here ? ", already here" : ""}`);
  }
  const root = { mediaType, digest, size: bytes.byteLength };
  await local.write(root, bytes);
  await local.tag(root, image.tag ?? digest);
  console.log(`${folder} holds ${image.canonicalRef}`);
});
