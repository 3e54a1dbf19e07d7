import type { CopyEvent, Descriptor } from "../mod.ts";
import { formatBytes, formatTime, shortDigest } from "./format.ts";

/** A blob or manifest that moves. */
export interface Moving {
  /** What it is. */
  descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">;
  /** The bytes that the target had when it began. */
  offset: number;
  /** The bytes that the target has; unknown where a body is handed over whole. */
  bytes?: number;
  /** When it began, in milliseconds. */
  started: number;
}

/** What is known of a copy under way, from its events. */
export class ProgressState {
  /** How much there is to copy, so far. */
  total = { descriptors: 0, bytes: 0, final: false };
  /** What moves now, by digest, in the order in which it began. */
  readonly moving = new Map<string, Moving>();
  /** What the target has. */
  readonly done = { descriptors: 0, bytes: 0 };
  /** The bytes moved by what is done. */
  #moved = 0;
  /** When the first byte began to move, in milliseconds. */
  #started: number | undefined;

  /** Takes an event; answers the line that stays of it, where one does. */
  take(event: CopyEvent, now: number): string | undefined {
    switch (event.type) {
      case "copy-total": {
        const { descriptors, bytes, final } = event;
        this.total = { descriptors, bytes, final };
        return undefined;
      }
      case "copy-start": {
        const { descriptor, offset } = event;
        this.#started ??= now;
        this.moving.set(descriptor.digest, { descriptor, offset, started: now });
        if (offset === 0) return undefined;
        return `goes on  ${named(descriptor)}  from ${formatBytes(offset)}`;
      }
      case "copy-progress": {
        const moving = this.moving.get(event.descriptor.digest);
        if (moving !== undefined) moving.bytes = event.bytes;
        return undefined;
      }
      case "copy-retry":
        return `again    ${named(event.descriptor)}  after try ${event.attempt}: ${event.reason}`;
      case "copy-done":
        return this.#finish(event, now);
      case "copy-tag":
        return `tagged   ${shortDigest(event.descriptor.digest)}  ${event.reference}`;
    }
  }

  /** Bytes that moved so far. */
  moved(): number {
    let moved = this.#moved;
    for (const { bytes, offset } of this.moving.values()) moved += (bytes ?? offset) - offset;
    return moved;
  }

  /** Bytes that the target has, of {@linkcode total}. */
  there(): number {
    let there = this.done.bytes;
    for (const { bytes, offset } of this.moving.values()) there += bytes ?? offset;
    return there;
  }

  /** Bytes a second since the first one moved; 0 before. */
  rate(now: number): number {
    const time = this.#started === undefined ? 0 : now - this.#started;
    return time <= 0 ? 0 : this.moved() * 1_000 / time;
  }

  #finish(event: CopyEvent & { type: "copy-done" }, now: number): string | undefined {
    const { descriptor, how } = event;
    const moving = this.moving.get(descriptor.digest);
    this.moving.delete(descriptor.digest);
    this.done.descriptors++;
    this.done.bytes += descriptor.size;
    if (how === "copied") this.#moved += descriptor.size - (moving?.offset ?? 0);
    if (how === "skipped") return undefined; // many are: they are counted, not listed
    const time = how === "copied" && moving !== undefined
      ? `  in ${formatTime(now - moving.started)}`
      : "";
    return `${how.padEnd(8)} ${named(descriptor)}  ${
      formatBytes(descriptor.size).padStart(8)
    }${time}`;
  }
}

function named({ digest, mediaType }: Moving["descriptor"]): string {
  return `${shortDigest(digest)}  ${kindOf(mediaType).padEnd(8)}`;
}

/** What content is, in a word. */
export function kindOf(mediaType: string): string {
  if (/\.index\.|manifest\.list/.test(mediaType)) return "index";
  if (/manifest/.test(mediaType)) return "manifest";
  if (/config|container\.image\.v1\+json/.test(mediaType)) return "config";
  return /layer|rootfs|tar/.test(mediaType) ? "layer" : "blob";
}
