import { childrenOf, type Descriptor, parseManifest, type RegistryStore } from "../../mod.ts";
import type { LayoutStore } from "../../stores/mod.ts";
import { bytes, type ProgressLine, rate, short, step } from "./progress.ts";

const MANIFEST = /\.(manifest|index|manifest\.list)\.v\d\+json$/;

/** What a pull moved. */
export interface Pulled {
  /** Every content that was pulled, leaves first. */
  contents: Descriptor[];
  /** Its bytes. */
  size: number;
}

/**
 * Pulls a manifest and everything under it into an OCI layout folder, children before their parents,
 * so that the folder is never without what it names.
 */
export async function pullAll(
  from: RegistryStore,
  to: LayoutStore,
  root: Descriptor,
  tag: string,
  line: ProgressLine,
): Promise<Pulled> {
  const contents: Descriptor[] = [];
  const started = performance.now();

  async function pull(descriptor: Descriptor): Promise<void> {
    if (contents.some(({ digest }) => digest === descriptor.digest)) return;
    if (MANIFEST.test(descriptor.mediaType)) {
      const body = await new Response(await from.open(descriptor)).bytes();
      const { manifest } = parseManifest(body, { mediaType: descriptor.mediaType });
      for (const child of childrenOf(manifest)) await pull(child);
      await to.write(descriptor, body);
    } else {
      const start = performance.now();
      const there = await to.exists(descriptor);
      if (!there) await to.write(descriptor, await from.open(descriptor));
      line.clear();
      const how = there ? "there already" : rate(descriptor.size, performance.now() - start);
      step(`pulled ${short(descriptor.digest)}`, `${bytes(descriptor.size).padStart(9)}  ${how}`);
    }
    contents.push(descriptor);
  }

  await pull(root);
  await to.tag(root, tag);
  const size = contents.reduce((sum, each) => sum + each.size, 0);
  const time = performance.now() - started;
  step("pulled in all", `${bytes(size)} in ${(time / 1000).toFixed(2)} s, ${rate(size, time)}`);
  return { contents, size };
}

/** Reads everything back from the disk; opening content verifies it. */
export async function verifyAll(store: LayoutStore, contents: Descriptor[]): Promise<void> {
  const started = performance.now();
  let size = 0;
  for (const descriptor of contents) {
    for await (const piece of await store.open(descriptor)) size += piece.byteLength;
  }
  const time = performance.now() - started;
  step(
    "verified every digest on disk",
    `${contents.length} of ${contents.length}, ${rate(size, time)}`,
  );
}
