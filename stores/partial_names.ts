import type { Digest } from "../content/digest.ts";
import { PROCESS_OWNER, processOwner } from "../runtime/process_owner.ts";

/**
 * What is not whole yet, in the layout's own folder so that a rename can publish it; the name starts
 * with a dot, and no other program looks into it. It is there only while something is in it.
 */
export const PARTIAL = ".partial";

/**
 * The names of what is not whole yet. A process writes only to files that have its own name in
 * theirs, so that no other one, however it is interrupted, writes to what this one publishes:
 *
 * - `<digest>`: the first part of some content, that anybody may go on with
 * - `<digest>.<process>.<random>`: the same, which a process holds
 * - `<process>.<random>`: what is of no use to another process
 *
 * A note stands beside its part: see {@linkcode noteOf}.
 */
interface PartialName {
  /** The content that it is a part of, or the note of one. */
  readonly digest?: Digest;
  /** The process that holds it. */
  readonly owner?: string;
}

const NAME = new RegExp(
  `^([a-z0-9]+-[0-9a-f]+)?(?:(?:^|\\.)(${PROCESS_OWNER.source})\\.[0-9a-f-]+)?(?:\\.prefix)?$`,
);

/** Reads a name; `undefined` for a file that is none of davit's. */
export function partialName(name: string): PartialName | undefined {
  const [, digest, owner] = NAME.exec(name) ?? [];
  if (digest === undefined && owner === undefined) return undefined;
  return {
    ...(digest !== undefined && { digest: digest.replace("-", ":") as Digest }),
    ...(owner !== undefined && { owner }),
  };
}

/** The name of a part that nobody holds. */
export function freeName(digest: Digest): string {
  return digest.replace(":", "-");
}

/** A new name for a part that this process holds. */
export function heldName(digest: Digest): string {
  return `${freeName(digest)}.${processOwner()}.${crypto.randomUUID()}`;
}

/** A new name for what only this process uses. */
export function temporaryName(): string {
  return `${processOwner()}.${crypto.randomUUID()}`;
}

/** The note beside a part with gaps: what is there of it. The last whole line counts. */
export function noteOf(part: string): string {
  return `${part}.prefix`;
}
