import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import { safePath } from "../content/safe_path.ts";
import { type ContentSource, STORE_OPTIONS, type StoreOptions } from "../content/store.ts";
import { InvalidManifestError, LimitError, UnsafePathError } from "../errors.ts";
import { isIndex, type Manifest } from "../manifest/types.ts";
import { describe, titleOf } from "./describe.ts";
import { localFiles } from "./local_files.ts";
import { TAR_DIGEST, UNPACK } from "./pack_folder.ts";
import { readManifest, resolved } from "../manifest/read_manifest.ts";
import { StagedFiles } from "./staged_files.ts";
import { unpackFolder } from "./unpack_folder.ts";

/** Options of {@linkcode unpackFiles}. */
export interface UnpackFilesOptions extends StoreOptions {
  /** The most bytes that all files have together. @default {17179869184} */
  maxBytes?: number;
  /** The most files, folders and links. @default {100000} */
  maxEntries?: number;
  /**
   * The most bytes that one compressed byte of a folder may come to, where they are more than 16 MiB.
   * @default {200}
   */
  maxRatio?: number;
}

const UNPACK_FILES_OPTIONS: OptionNames<UnpackFilesOptions> = names(
  "maxBytes maxEntries maxRatio",
  STORE_OPTIONS,
);

/** A file or folder that was unpacked. */
export interface UnpackedFile {
  /** Its path in the folder, with `/` between its parts. */
  title: string;
  /** Whether it is a folder. */
  folder: boolean;
  /** The layer that it came from. */
  layer: Descriptor;
}

/** What an artifact may write, unless it is allowed more: a large model is below it. */
const DEFAULTS = { maxBytes: 16 * 1024 ** 3, maxEntries: 100_000, maxRatio: 200 };

/** What Go reads as true, and so oras. */
const TRUE = ["1", "t", "T", "true", "TRUE", "True"];

interface Titled {
  title: string;
  layer: Descriptor;
  folder: boolean;
}

/**
 * Writes an artifact's files into a folder, by their titles; folders that oras or {@linkcode pack} has
 * packed are unpacked. Layers without a title are left out. Files that are there are replaced.
 *
 * All or nothing: everything is verified before the first file is in its place. Nothing is written
 * outside of the folder, whatever names and links are in the artifact; no link is followed, also none
 * that was in the folder before. What {@linkcode describe} calls an image or an index is refused:
 * images are not unpacked.
 *
 * @param manifest The artifact's manifest, its descriptor, or a tag or digest that names it.
 * @param folder The folder, which is made where it is not there.
 *
 * @example
 * ```ts
 * import { pack, unpackFiles } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * await pack(store, {
 *   artifactType: "application/vnd.example.notes",
 *   files: [{ title: "notes/one.txt", body: "hello" }],
 *   tag: "v1",
 * });
 * const folder = await Deno.makeTempDir();
 * await unpackFiles(store, "v1", folder);
 * assertEquals(await Deno.readTextFile(`${folder}/notes/one.txt`), "hello");
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @throws {InvalidManifestError} When it is an image or index, or two layers have one title.
 * @throws {UnsafePathError} When a title, a name in a folder or a link leads out of the folder.
 * @throws {InvalidArchiveError} When a folder's tar is broken, or has something twice, a device, or
 * zstd around it.
 * @throws {LimitError} When there is more than the limits allow.
 * @throws {BadDigestError} When bytes are not those that the manifest names.
 * @throws {InvalidOptionError} When a folder of the disk is where a file should be, or the reverse.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 */
export async function unpackFiles(
  store: ContentSource,
  manifest: Manifest | Descriptor | string,
  folder: string,
  options: UnpackFilesOptions = {},
): Promise<UnpackedFile[]> {
  checkOptions(options, UNPACK_FILES_OPTIONS);
  checkArgument("store", store, "source");
  checkArgument("folder", folder, "path");
  const { signal, ...given } = options;
  const limits = { ...DEFAULTS, ...given };
  const ending = { ...(signal && { signal }) };
  const tree = localFiles(`unpack to ${folder}`);
  const titled = titledLayers(
    typeof manifest === "object" && manifest !== null && "schemaVersion" in manifest
      ? manifest
      : (await readManifest(store, await resolved(store, manifest, ending, "manifest"), ending))
        .manifest,
  );
  const declared = titled.reduce((sum, it) => sum + (it.folder ? 0 : it.layer.size), 0);
  if (declared > limits.maxBytes) throw tooMuch("maxBytes", limits.maxBytes, "bytes");
  if (titled.length > limits.maxEntries) throw tooMuch("maxEntries", limits.maxEntries, "files");

  const left = {
    maxBytes: limits.maxBytes - declared,
    maxEntries: limits.maxEntries - titled.length,
    maxRatio: limits.maxRatio,
  };
  const staged = await StagedFiles.create(tree, folder);
  try {
    for (const { title, layer, folder } of titled) {
      const reader = pieceReader(await store.open(layer, ending));
      try {
        if (!folder) {
          await staged.addFile(title, pieces(reader, signal));
          continue;
        }
        const tarDigest = layer.annotations?.[TAR_DIGEST];
        const { entries, bytes } = await unpackFolder(staged, title, reader, left, tarDigest);
        left.maxEntries -= entries;
        left.maxBytes -= bytes;
      } finally {
        await reader.cancel().catch(() => {});
      }
    }
    signal?.throwIfAborted();
    await staged.publish();
  } finally {
    await staged.discard();
  }
  return titled;
}

function titledLayers(manifest: Manifest): Titled[] {
  const { kind } = describe(manifest);
  if (isIndex(manifest) || ["image", "index", "invalid", "docker-schema1"].includes(kind)) {
    throw new InvalidManifestError(
      `Cannot unpack the manifest: it is ${kind === "image" ? "an image" : "no artifact"}, and ` +
        "has no files",
    );
  }
  const titled = new Map<string, Titled>();
  for (const layer of manifest.layers) {
    const given = titleOf(layer);
    if (given === undefined) continue;
    const title = safePath(given, "the title");
    const folder = TRUE.includes(layer.annotations?.[UNPACK] ?? "");
    if (title === "." && !folder) {
      const path = given;
      throw new UnsafePathError(`Cannot unpack a file as ${JSON.stringify(path)}`, { path });
    }
    if (titled.has(title)) {
      throw new InvalidManifestError(
        `Cannot unpack the manifest: two layers have the title ${JSON.stringify(title)}`,
      );
    }
    titled.set(title, { title, layer, folder });
  }
  return [...titled.values()];
}

async function* pieces(reader: PieceReader, signal?: AbortSignal): AsyncGenerator<Bytes> {
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = await reader.read();
    if (done || value === undefined) return;
    yield value;
  }
}

function tooMuch(limit: string, maximum: number, what: string): LimitError {
  return new LimitError(`Cannot unpack: there are more ${what} than ${limit}, ${maximum}`, {
    limit,
    maximum,
  });
}
