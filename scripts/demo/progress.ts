import type { DavitEvent, OnEvent } from "../../mod.ts";
import { say } from "../say.ts";

/** A count of bytes as people read it. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(1)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

/** Below this, the time is the request's and says nothing of a rate. */
const LEAST_RATED_BYTES = 100_000;

/** Bytes in a time, as people read it; nothing for a few bytes. */
export function rate(count: number, milliseconds: number): string {
  if (count < LEAST_RATED_BYTES) return "";
  return `${(count / 1000 / Math.max(milliseconds, 0.1)).toFixed(0)} MB/s`;
}

export function short(digest: string): string {
  return digest.replace(/^(\w+:\w{12})\w+$/, "$1");
}

/** Prints one step: what was done, and what came of it. */
export function step(what: string, result: string): void {
  say(`  ${what.padEnd(38)} ${result}`.trimEnd());
}

const BAR_CELLS = 24;

/** One line that grows with the transfer under way: on a terminal only, it would fill a log. */
export class ProgressLine {
  readonly #terminal = Deno.stdout.isTerminal();
  #shown = false;

  /** To be given as `onEvent`. */
  readonly onEvent: OnEvent = (event: DavitEvent) => {
    if (event.type === "progress") this.#show(event);
    if (event.type === "retry" || event.type === "resume") {
      this.clear();
      step(event.type, event.reason);
    }
    if (event.type === "warning") {
      this.clear();
      step("warning from the registry", event.text);
    }
  };

  clear(): void {
    if (this.#shown) this.#write("\r\x1b[K");
    this.#shown = false;
  }

  #show({ direction, digest, bytes: count, total, done }: DavitEvent & { type: "progress" }): void {
    if (!this.#terminal) return;
    if (done) return this.clear();
    const part = total === undefined || total === 0 ? 0 : count / total;
    const bar = "#".repeat(Math.round(part * BAR_CELLS)).padEnd(BAR_CELLS, ".");
    const arrow = direction === "download" ? "<-" : "->";
    const of = total === undefined ? "" : ` of ${bytes(total)}`;
    this.#write(
      `\r\x1b[K  ${arrow} ${short(digest ?? "blob").padEnd(20)} ${bar} ${bytes(count)}${of}`,
    );
    this.#shown = true;
  }

  #write(text: string): void {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  }
}
