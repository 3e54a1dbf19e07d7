import type { Descriptor } from "../content/descriptor.ts";
import { isDigestReference } from "../content/digest.ts";
import { isIndexMediaType, isManifestMediaType } from "../content/media_types.ts";
import type { ContentSource, ContentStore } from "../content/store.ts";
import {
  ForbiddenError,
  HttpError,
  NotFoundError,
  SparseIndexRefusedError,
  StorageError,
  UnauthorizedError,
} from "../errors.ts";
import { subjectOf } from "../manifest/children.ts";
import { isIndex } from "../manifest/types.ts";
import { copyError, onSide, sideOf } from "./copy_error.ts";
import { CopyEvents } from "./copy_events.ts";
import type { CopiedContent, CopyOptions } from "./copy_options.ts";
import { type GraphNode, type GraphVisitor, GraphWalk } from "./graph_walk.ts";
import { resolveIfThere } from "./resolve_root.ts";
import { TransferBlob } from "./transfer_blob.ts";
import { type Turns, turns, type Work } from "./work.ts";

/** Blobs that move at once. Measured: with twice as many nothing is faster, and memory grows. */
const CONCURRENCY = 6;

/** Up to here a blob costs little more than the requests for it. */
const SMALL_BYTES = 64 * 1024;

/** Questions to the target, which cost it little, at once. */
const ASKED_AT_ONCE = 16;

/** Copies graphs into a target: each part once, what is needed before what needs it. */
export class Copier implements GraphVisitor {
  /** What came of it so far. */
  readonly content: CopiedContent = {
    ...{ copied: [], skipped: [], mounted: [], leftOut: [], attached: [], bytes: 0 },
  };
  /** The walk that this copy follows. */
  readonly walk: GraphWalk;
  /** Tells what is done. */
  readonly events: CopyEvents;
  readonly #target: ContentStore;
  readonly #source: ContentSource;
  readonly #options: CopyOptions;
  readonly #work: Work;
  readonly #transfer: TransferBlob;
  readonly #ask = turns(ASKED_AT_ONCE);
  readonly #move: Turns;
  /** Manifests that the target was found to have. */
  readonly #there = new Set<string>();
  /** Manifests that it was found not to have, and was given. */
  readonly #written = new Set<string>();
  /** What is visited of an index that is not copied whole. */
  readonly #chosen = new Map<string, readonly Descriptor[]>();
  /** Tags that name something attached. */
  readonly #tags = new Map<string, Descriptor>();
  /** Tags to be, by the digest of what they will name. */
  readonly #toTag = new Map<string, string>();
  /** Tags that were written with what they name. */
  readonly #tagged = new Set<string>();
  /** All of the target's tags, where they were listed. */
  #targetTags: ReadonlySet<string> | undefined;
  /** The digests that the target lists as attached, by what they are attached to. */
  readonly #listed = new Map<string, Promise<ReadonlySet<string>>>();
  /** Whether blobs that should have been there, and were not, were moved. */
  readonly #replaced = new Map<string, Promise<boolean>>();

  /** `tags` are all of the source's, where they were listed before. */
  constructor(
    source: ContentSource,
    target: ContentStore,
    options: CopyOptions,
    work: Work,
    tags?: ReadonlySet<string>,
  ) {
    const { attached = true, concurrency = CONCURRENCY, maxDepth, maxManifests } = options;
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#work = work;
    this.events = new CopyEvents(options.onEvent);
    this.walk = new GraphWalk(source, work, this, { attached, tags, maxDepth, maxManifests });
    this.#transfer = new TransferBlob(source, target, this.events, options, work.signal);
    this.#move = turns(concurrency);
  }

  /** Copies only these children of an index. */
  choose(index: Descriptor, children: readonly Descriptor[]): void {
    this.#chosen.set(index.digest, children);
  }

  /** Counts what there is to copy. */
  found(descriptor: Descriptor): void {
    this.events.found(descriptor);
  }

  /** Tells that everything was counted. */
  foundAll(): void {
    this.events.foundAll();
  }

  /** Moves a blob, unless the target has it or can take it from elsewhere. */
  async blob(descriptor: Descriptor): Promise<void> {
    const { signal } = this.#work;
    if (await this.#exists(descriptor)) return this.#done(descriptor, "skipped");
    if (isForeign(descriptor)) {
      const has = await onSide(
        "source",
        descriptor,
        signal,
        () => this.#source.exists(descriptor, { signal }),
      );
      if (!has) return this.#done(descriptor, "left-out");
    }
    if (this.#options.dryRun !== true && await this.#mount(descriptor)) {
      return this.#done(descriptor, "mounted");
    }
    await this.#transferBlob(descriptor);
  }

  /** What of a manifest's children is looked at. */
  async enter(node: GraphNode): Promise<readonly Descriptor[]> {
    const { descriptor, children } = node;
    if (!this.#isEmpty && await this.#hasManifest(descriptor)) {
      this.#there.add(descriptor.digest);
      if (this.#options.trustExisting === true) {
        // Only what leads to something attached is gone through.
        const attached = this.#options.attached ?? true;
        return attached && isIndexMediaType(descriptor.mediaType) ? this.#childrenOf(node) : [];
      }
    }
    const chosen = this.#chosen.get(descriptor.digest);
    if (chosen === undefined) return children;
    const kept = new Set(chosen.map(({ digest }) => digest));
    for (const child of children) if (!kept.has(child.digest)) this.#done(child, "left-out");
    if (!this.#there.has(descriptor.digest)) await this.#writeSparse(node);
    return chosen;
  }

  /** What a manifest will be named: it is written under a tag at once, where nothing must come before. */
  willTag({ digest }: Descriptor, references: readonly string[]): void {
    const tag = references.find((reference) => !isDigestReference(reference));
    if (tag !== undefined) this.#toTag.set(digest, tag);
  }

  /** Writes a manifest, whose children are there. */
  async leave(node: GraphNode, alone: () => Promise<boolean>): Promise<void> {
    const { descriptor } = node;
    const { digest } = descriptor;
    const there = this.#there.has(digest);
    if (there && !await this.#isUnlisted(node)) return this.#done(descriptor, "skipped");
    // No tag named what was not there. What is attached comes before the tag, and so does the hook.
    const atOnce = !there && this.#target.writeTagged && !this.#options.afterCopy;
    const tag = atOnce ? this.#toTag.get(digest) : undefined;
    const named = tag !== undefined && await alone() ? tag : undefined;
    try {
      await this.write(descriptor, node.bytes, named);
    } catch (error) {
      const refusal = refusesManifest(error);
      const blobs = isIndex(node.manifest) ? [] : node.children;
      if (!refusal || !await this.#moveMissing(blobs, refusal)) throw error;
      await this.write(descriptor, node.bytes, named);
    }
  }

  /** Writes a manifest, under a tag where there is one. */
  async write(descriptor: Descriptor, bytes: Uint8Array, tag?: string): Promise<void> {
    const { signal } = this.#work;
    await this.#moving(descriptor, async () => {
      this.events.tell({ type: "copy-start", descriptor, offset: 0 });
      try {
        const how = { signal, manifest: true };
        if (tag === undefined) await this.#target.write(descriptor, bytes, how);
        else await this.#target.writeTagged!(descriptor, bytes, tag, { signal });
      } catch (error) {
        signal.throwIfAborted();
        throw copyError("target", descriptor, error); // the bytes were verified when they were read
      }
      this.content.bytes += descriptor.size;
      if (!this.#there.has(descriptor.digest)) this.#written.add(descriptor.digest);
      if (tag !== undefined) this.#tagged.add(tag);
    }, this.#ask);
    this.events.tell({ type: "copy-done", descriptor, how: "copied" });
    if (tag !== undefined && this.#tagged.has(tag)) {
      this.events.tell({ type: "copy-tag", reference: tag, descriptor });
    }
  }

  /** Writes a manifest that the source does not have, unless it is there. */
  async add(descriptor: Descriptor, bytes: Uint8Array): Promise<void> {
    if (await this.#exists(descriptor)) this.#done(descriptor, "skipped");
    else await this.write(descriptor, bytes);
  }

  /** Notes what is attached, and the tag that names it. */
  attached(descriptor: Descriptor, subject: Descriptor, tag: string | undefined): void {
    const named = tag === undefined ? {} : { tag };
    this.content.attached.push({ descriptor, subject: subject.digest, ...named });
    if (tag !== undefined) this.#tags.set(tag, descriptor);
  }

  /** Notes what does not come along. */
  gone(descriptor: Descriptor): void {
    this.#done(descriptor, "left-out");
  }

  /** Names what is attached, once everything is there. */
  async tagAttached(): Promise<void> {
    await Promise.all(
      [...this.#tags].map(([tag, descriptor]) =>
        this.#work.start(() => this.#ask(() => this.tag(descriptor, tag)))
      ),
    );
  }

  /** Names a manifest in the target, unless the tag names it already: it may be immutable. */
  async tag(descriptor: Descriptor, reference: string): Promise<void> {
    if (this.#tagged.has(reference)) return;
    // No tag named what was not there.
    const present = this.#written.has(descriptor.digest);
    const isNew = present || this.#targetTags?.has(reference) === false;
    if (!isNew && await this.#names(reference, descriptor)) return;
    if (this.#options.dryRun === true) return;
    await this.#onTarget(
      descriptor,
      (signal) => this.#target.tag(descriptor, reference, { signal, present }),
    );
    this.events.tell({ type: "copy-tag", reference, descriptor });
  }

  /** Lists the target's tags, so that none of many is asked for in vain. */
  async listTargetTags(): Promise<void> {
    const { signal } = this.#work;
    if (this.#target.tags === undefined) return;
    const tags = new Set<string>();
    try {
      for await (const tag of this.#target.tags({ signal })) tags.add(tag);
    } catch (error) {
      signal.throwIfAborted();
      // One by one, then; and where a later page is missing.
      if (!(error instanceof NotFoundError) || tags.size > 0) return;
    }
    this.#targetTags = tags;
  }

  async #names(reference: string, { digest }: Descriptor): Promise<boolean> {
    return await this.#onTarget(reference, async (signal) => {
      try {
        return (await resolveIfThere(this.#target, reference, signal))?.digest === digest;
      } catch (error) {
        if (cannotLook(error)) return false;
        throw error;
      }
    });
  }

  /**
   * Whether the target has no tags, and so hardly a manifest: to write one that is there after all does
   * no harm.
   */
  get #isEmpty(): boolean {
    return this.#targetTags?.size === 0 && this.#options.dryRun !== true;
  }

  /** Whether the target has a manifest. Of a type that is not known, it may keep it as such or not. */
  async #hasManifest(descriptor: Descriptor): Promise<boolean> {
    if (isManifestMediaType(descriptor.mediaType)) return await this.#exists(descriptor);
    return await this.#ask(() => this.#names(descriptor.digest, descriptor));
  }

  async #exists(descriptor: Descriptor): Promise<boolean> {
    return await this.#onTarget(descriptor, (signal) =>
      this.#ask(async () => {
        try {
          return await this.#target.exists(descriptor, { signal });
        } catch (error) {
          if (cannotLook(error)) return false;
          throw error;
        }
      }));
  }

  async #mount(descriptor: Descriptor): Promise<boolean> {
    const { signal } = this.#work;
    try {
      return await this.#ask(async () =>
        await this.#target.mount?.(descriptor, this.#source, { signal }) ?? false
      );
    } catch (error) {
      signal.throwIfAborted();
      // The disk may be either one's: a transfer finds out.
      if (error instanceof StorageError) return false;
      throw copyError(sideOf(error), descriptor, error);
    }
  }

  async #transferBlob(descriptor: Descriptor): Promise<void> {
    await this.#moving(descriptor, async () => {
      const bytes = await this.#transfer.run(descriptor);
      this.content.bytes += bytes; // in a step of its own: others count meanwhile
    }, descriptor.size <= SMALL_BYTES ? this.#ask : this.#move);
    this.events.tell({ type: "copy-done", descriptor, how: "copied" });
  }

  /**
   * Moves blobs that the target said it has, or had taken, and lacks: distribution mounts so what has a
   * sha512 digest, and says that it has what its garbage collection removed; a cluster may forget what
   * it just took. Answers whether there were any.
   */
  async #moveMissing(blobs: readonly Descriptor[], refusal: HttpError): Promise<boolean> {
    const { mounted, skipped, copied } = this.content;
    const named = JSON.stringify(refusal.errors);
    let found = false;
    for (const { digest } of blobs) {
      const isNamed = named.includes(digest);
      const isIt = (each: Descriptor) => each.digest === digest;
      const said = [mounted, skipped, ...(isNamed ? [copied] : [])].find((list) => list.some(isIt));
      let moved = this.#replaced.get(digest);
      if (moved === undefined && said !== undefined) {
        this.#replaced.set(digest, moved = this.#replace(said.find(isIt)!, said, isNamed));
      }
      if (await moved) found = true;
    }
    return found;
  }

  /** Moves a blob that is not there: the refusal says so, or the target when it is asked again. */
  async #replace(blob: Descriptor, said: Descriptor[], isNamed: boolean): Promise<boolean> {
    if (!isNamed && await this.#exists(blob)) return false;
    said.splice(said.indexOf(blob), 1);
    await this.#transferBlob(blob);
    return true;
  }

  #onTarget<T>(
    what: Descriptor | string,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal } = this.#work;
    return onSide("target", what, signal, () => task(signal));
  }

  /**
   * Whether a manifest that is there is not among the referrers of its subject: an earlier copy that
   * ended between the two leaves that. Writing it once more puts it on the list.
   */
  async #isUnlisted({ descriptor, manifest }: GraphNode): Promise<boolean> {
    const subject = subjectOf(manifest);
    const { referrers } = this.#target;
    if (subject === undefined || referrers === undefined) return false;
    if (this.#options.trustExisting === true || !isManifestMediaType(descriptor.mediaType)) {
      return false;
    }
    let listed = this.#listed.get(subject.digest);
    if (listed === undefined) {
      listed = this.#onTarget(subject, (signal) =>
        this.#ask(async () => {
          const digests = new Set<string>();
          for await (const each of referrers.call(this.#target, subject, { signal })) {
            digests.add(each.digest);
          }
          return digests;
        }));
      this.#listed.set(subject.digest, listed);
    }
    return !(await listed).has(descriptor.digest);
  }

  /** Before the blobs move: a registry that looks for the index's manifests refuses it now. */
  async #writeSparse({ descriptor, bytes }: GraphNode): Promise<void> {
    if (this.#options.dryRun === true) return;
    try {
      await this.write(descriptor, bytes);
      this.#there.add(descriptor.digest);
    } catch (error) {
      const cause = refusesManifest(error);
      if (cause === undefined) throw error;
      throw new SparseIndexRefusedError(
        `Cannot copy a part of ${descriptor.digest} as it is: the target takes no index of which it ` +
          `lacks manifests: ${cause.message}`,
        { cause, descriptor },
      );
    }
  }

  #childrenOf({ descriptor, children }: GraphNode): readonly Descriptor[] {
    return this.#chosen.get(descriptor.digest) ?? children;
  }

  async #moving(
    descriptor: Descriptor,
    move: () => Promise<void>,
    turn: Turns,
  ): Promise<void> {
    const { afterCopy, beforeCopy, dryRun } = this.#options;
    if (dryRun !== true) {
      await turn(async () => {
        this.#work.signal.throwIfAborted();
        await beforeCopy?.(descriptor);
        await move();
        await afterCopy?.(descriptor);
      });
    }
    this.content.copied.push(descriptor);
  }

  #done(descriptor: Descriptor, how: "skipped" | "mounted" | "left-out"): void {
    this.content[how === "left-out" ? "leftOut" : how].push(descriptor);
    this.events.tell({ type: "copy-done", descriptor, how });
  }
}

/** Whether a layer may be kept elsewhere, by licence say. It is carried where the source has it. */
function isForeign({ mediaType, urls }: Descriptor): boolean {
  return (urls?.length ?? 0) > 0 || /\.foreign\.|\.nondistributable\./.test(mediaType);
}

/**
 * Whether a look failed that says nothing of a push, which goes ahead: who may push may not look, or
 * what is there is damaged, for which distribution answers 500.
 */
function cannotLook(error: unknown): boolean {
  return error instanceof ForbiddenError || error instanceof UnauthorizedError ||
    (error instanceof HttpError && error.statusCode === 500);
}

/** What a registry refuses a manifest with for what it says, not for who sends it or when. */
function refusesManifest(error: unknown): HttpError | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof HttpError)) return undefined;
  const { statusCode, retryable } = cause;
  const refused = statusCode >= 400 && statusCode < 500 && statusCode !== 401 &&
    statusCode !== 403 && !retryable;
  return refused ? cause : undefined;
}
