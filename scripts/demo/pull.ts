import { copy } from "../../copy/mod.ts";
import type { ContentSource, Descriptor } from "../../mod.ts";
import type { LayoutStore } from "../../stores/mod.ts";
import { bytes, type ProgressLine, rate, short, step } from "./progress.ts";

/** Copies an image into an OCI layout folder, and answers everything that is there of it now. */
export async function pullAll(
  from: ContentSource,
  reference: string,
  to: LayoutStore,
  tag: string,
  line: ProgressLine,
): Promise<Descriptor[]> {
  const started = performance.now();
  const { copied, skipped } = await copy(from, reference, to, tag, {
    onEvent(event) {
      if (event.type !== "copy-done") return;
      line.clear();
      const { digest, size } = event.descriptor;
      const how = event.how === "skipped" ? "there already" : event.how;
      step(`pulled ${short(digest)}`, `${bytes(size).padStart(9)}  ${how}`);
    },
  });
  const contents = [...copied, ...skipped];
  const size = contents.reduce((sum, each) => sum + each.size, 0);
  const time = performance.now() - started;
  step("pulled in all", `${bytes(size)} in ${(time / 1000).toFixed(2)} s, ${rate(size, time)}`);
  return contents;
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
