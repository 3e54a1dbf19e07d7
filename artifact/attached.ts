import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";
import { type ContentSource, STORE_OPTIONS, type StoreOptions } from "../content/store.ts";
import {
  ContentNotFoundError,
  InvalidManifestError,
  InvalidOptionError,
  LimitError,
  ManifestVerificationError,
} from "../errors.ts";
import { subjectOf } from "../manifest/children.ts";
import { filterReferrers, referrerDescriptor } from "../manifest/referrers_index.ts";
import { isIndex, type Manifest } from "../manifest/types.ts";
import { readManifest, resolved } from "../manifest/read_manifest.ts";

/** Options of {@linkcode attached}. */
export interface AttachedOptions extends StoreOptions {
  /** Only artifacts of this type. @default {all} */
  artifactType?: string;
  /** The most bytes that {@linkcode Attached.bytes} reads into memory. @default {67108864} */
  maxBytes?: number;
  /**
   * How deep to go: 1 for what is attached to the subject, 2 for what is attached to that too, and
   * `Infinity` for everything.
   * @default {1}
   */
  depth?: number;
  /** Called for an entry of the list that is left out, with the reason. */
  onSkipped?: (descriptor: Descriptor, reason: Error) => void;
}

const ATTACHED_OPTIONS: OptionNames<AttachedOptions> = names(
  "artifactType maxBytes depth onSkipped",
  STORE_OPTIONS,
);

/** What is attached to a subject. */
export interface Attached {
  /** The descriptor, with the artifact's type and annotations. */
  descriptor: Descriptor;
  /** The manifest: verified, and its subject is the one that was asked for. */
  manifest: Manifest;
  /** The manifest that it is attached to. */
  subject: Descriptor;
  /** 1 where that is the subject asked for, 2 where it is something attached to it. */
  depth: number;
  /** The content of a layer, the first one if none is named; it is verified as it streams. */
  open(layer?: number): Promise<ReadableStream<Bytes>>;
  /**
   * The content of a layer, the first one if none is named, verified.
   *
   * @throws {LimitError} When it is larger than `maxBytes`.
   */
  bytes(layer?: number): Promise<Bytes>;
}

/** Sixty-four MiB: above any signature and attestation, and most SBOMs. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * What is attached to a manifest, one after the other: what is attached to something attached stands
 * behind it. Each is there once.
 *
 * Manifests are read and verified before they are handed out. An entry of the list whose manifest is
 * gone, is none, or has another subject, is left out, so that no broken one hides the others.
 *
 * @param subject A manifest, or a tag or digest that names one.
 *
 * @example
 * ```ts
 * import { attach, attached, pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const artifactType = "application/vnd.example.note";
 * const image = await pack(store, { artifactType: "application/vnd.example.thing" });
 * const note = await attach(store, image, { artifactType, layers: [{ body: "a note" }] });
 * await attach(store, note, { artifactType, layers: [{ body: "a note on the note" }] });
 *
 * const notes: [number, string][] = [];
 * for await (const { depth, bytes } of attached(store, image, { depth: Infinity })) {
 *   notes.push([depth, new TextDecoder().decode(await bytes())]);
 * }
 * assertEquals(notes, [[1, "a note"], [2, "a note on the note"]]);
 * ```
 *
 * @throws {ContentNotFoundError} When a tag or digest names nothing.
 * @throws {InvalidOptionError} When the store cannot list what is attached, or `depth` is no count.
 */
export async function* attached(
  store: ContentSource,
  subject: Descriptor | string,
  options: AttachedOptions = {},
): AsyncGenerator<Attached> {
  checkOptions(options, ATTACHED_OPTIONS);
  checkArgument("store", store, "source");
  const { depth = 1, maxBytes = MAX_BYTES, signal } = options;
  if (!(depth >= 1) || (depth !== Infinity && !Number.isInteger(depth))) {
    throw new InvalidOptionError(
      `Cannot list what is attached as 'depth' must be a count from 1: current value is ${depth}`,
    );
  }
  if (store.referrers === undefined) {
    throw new InvalidOptionError("Cannot list what is attached: the store has no such lists");
  }
  const ending = { ...(signal && { signal }) };
  const root = await resolved(store, subject, ending, "subject");
  yield* below(root, 1, new Set([root.digest]));

  async function* below(
    to: Descriptor,
    level: number,
    seen: Set<string>,
  ): AsyncGenerator<Attached> {
    const { artifactType } = options;
    // What is of another type may have something of this one attached.
    const filter = artifactType !== undefined && depth === 1 ? { artifactType } : {};
    for await (const entry of store.referrers!(to, { ...filter, ...ending })) {
      signal?.throwIfAborted();
      if (seen.has(entry.digest)) continue;
      seen.add(entry.digest);
      let found;
      try {
        found = await attachedManifest(to, entry);
      } catch (error) {
        if (!isSkipped(error)) throw error;
        options.onSkipped?.(entry, error);
        continue;
      }
      const { manifest, size } = found;
      const descriptor = referrerDescriptor(manifest, { ...entry, size });
      if (filterReferrers([descriptor], artifactType).length > 0) {
        yield { descriptor, manifest, subject: to, depth: level, ...contentOf(manifest) };
      }
      if (level < depth) yield* below(descriptor, level + 1, seen);
    }
  }

  async function attachedManifest(
    to: Descriptor,
    entry: Descriptor,
  ): Promise<{ manifest: Manifest; size: number }> {
    const found = await readManifest(store, entry, ending);
    const named = subjectOf(found.manifest)?.digest;
    if (named === to.digest) return found;
    throw new ManifestVerificationError(
      `Cannot use ${entry.digest} as attached to ${to.digest}: its subject is ${named ?? "none"}`,
    );
  }

  function contentOf(manifest: Manifest): Pick<Attached, "open" | "bytes"> {
    const layerAt = (index: number): Descriptor => {
      const layers = isIndex(manifest) ? [] : manifest.layers;
      const layer = layers[index];
      if (layer !== undefined) return layer;
      throw new InvalidOptionError(
        `Cannot open layer ${index} of what is attached: it has ${layers.length}`,
      );
    };
    return {
      open: async (index = 0) => await store.open(layerAt(index), ending),
      async bytes(index = 0) {
        const layer = layerAt(index);
        const limit = { name: "maxBytes", bytes: maxBytes, what: "what is attached" };
        if (layer.size > maxBytes) {
          throw new LimitError(
            `Cannot read ${layer.digest}: its ${layer.size} bytes are more than maxBytes, ${maxBytes}`,
            { limit: "maxBytes", maximum: maxBytes },
          );
        }
        return await readAll(pieceReader(await store.open(layer, ending)), limit);
      },
    };
  }
}

function isSkipped(error: unknown): error is Error {
  return error instanceof ContentNotFoundError || error instanceof InvalidManifestError ||
    error instanceof ManifestVerificationError;
}
