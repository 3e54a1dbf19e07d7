import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { TITLE } from "../content/content_type.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type ContentStore, STORE_OPTIONS, type StoreOptions } from "../content/store.ts";
import { ContentNotFoundError, InvalidOptionError } from "../errors.ts";
import { buildManifest, EMPTY_CONFIG, EMPTY_CONFIG_BYTES } from "../manifest/build.ts";
import {
  type PackContent,
  packContent,
  type PackedBlob,
  type PackFile,
  packFile,
} from "./pack_content.ts";

/** The annotation that says when something was made. */
const CREATED = "org.opencontainers.image.created";

/** Options of {@linkcode pack}. */
export interface PackOptions extends StoreOptions {
  /** The artifact's type, a media type. It may be left out where there is a `config`. */
  artifactType?: string;
  /** Content without names: descriptors of what the store has already, or content to push. */
  layers?: readonly (Descriptor | PackContent)[];
  /** Files and folders, by path or with their content; they stand behind the `layers`. */
  files?: readonly (string | PackFile)[];
  /** The config: a descriptor of what the store has already, or content. @default {the empty one} */
  config?: Descriptor | PackContent;
  /** The manifest's annotations, written in the order given. */
  annotations?: Record<string, string>;
  /** The manifest to attach this one to; it need not be in the store. */
  subject?: Descriptor;
  /**
   * When it was made, as a `Date` or in RFC 3339. Given, it is the time of everything in folders too,
   * and so the same content always gives the same digest, in every runtime.
   * @default {now, and files of folders have their own times}
   */
  created?: Date | string;
  /** A tag for it. @default {none} */
  tag?: string;
}

export const PACK_OPTIONS: OptionNames<PackOptions> = names(
  "artifactType layers files config annotations subject created tag",
  STORE_OPTIONS,
);

/**
 * Packs an artifact into a store: its files, folders or other content, the config, and last the
 * manifest, which is an image manifest as version 1.1 of the specification wants it for artifacts.
 *
 * Files have their names as titles and folders are gzipped tars, as oras packs them, and pulls them
 * again. What the store has already is not sent. Nothing is written before all options were checked.
 *
 * @example
 * ```ts
 * import { describe, pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const options = {
 *   artifactType: "application/vnd.example.notes",
 *   files: [{ title: "notes/one.txt", body: "hello", mediaType: "text/plain" }],
 *   created: "2026-11-30T12:00:00Z",
 * };
 * const descriptor = await pack(store, { ...options, tag: "v1" });
 * assertEquals((await store.resolve("v1")).digest, descriptor.digest);
 * assertEquals((await pack(store, options)).digest, descriptor.digest);
 * ```
 *
 * @returns The manifest's descriptor.
 * @throws {InvalidOptionError} When an option cannot be used, or two files have one title.
 * @throws {UnsafePathError} When a title or a link in a folder leads out of its folder.
 * @throws {ContentNotFoundError} When the store does not have what a descriptor names.
 */
export async function pack(store: ContentStore, options: PackOptions): Promise<Descriptor> {
  checkArgument("store", store, "store");
  checkArgument("options", options, "options");
  checkOptions(options, PACK_OPTIONS);
  const { artifactType, files = [], layers = [], tag, signal } = options;
  checkArgument("layers", layers, "list");
  checkArgument("files", files, "list");
  const { text: created, seconds } = createdTime(options);
  const common = {
    ...(artifactType !== undefined && { artifactType }),
    annotations: { ...options.annotations, [CREATED]: created },
    ...(options.subject && { subject: plain(options.subject) }),
  };
  // What cannot be built is found out before anything is read or sent.
  const configGiven = options.config && await packContent(options.config, "config");
  await buildManifest({
    ...common,
    ...(configGiven && { config: configGiven.descriptor }),
    layers: [],
  });
  const config = configGiven ?? { descriptor: EMPTY_CONFIG, body: EMPTY_CONFIG_BYTES };

  const blobs: PackedBlob[] = [];
  for (const layer of layers) blobs.push(await packContent(layer, `layers[${blobs.length}]`));
  const mtime = options.created === undefined ? undefined : seconds;
  for (const file of files) {
    signal?.throwIfAborted();
    blobs.push(await packFile(file, mtime));
  }
  checkTitles(blobs);
  // An artifact of no content has the empty one, as the specification says.
  if (blobs.length === 0) blobs.push({ descriptor: EMPTY_CONFIG, body: EMPTY_CONFIG_BYTES });

  const { descriptor, bytes } = await buildManifest({
    ...common,
    config: config.descriptor,
    layers: blobs.map((blob) => blob.descriptor),
  });
  const ending = signal && { signal };
  for (const blob of [...blobs, config]) await push(store, blob, { ...ending });
  await store.write(descriptor, bytes, { ...ending });
  if (tag !== undefined) await store.tag(descriptor, tag, { ...ending });
  return descriptor;
}

async function push(
  store: ContentStore,
  { descriptor, body }: PackedBlob,
  options: StoreOptions,
): Promise<void> {
  if (await store.exists(descriptor, options)) return;
  if (body === undefined) {
    throw new ContentNotFoundError(
      `Cannot pack ${descriptor.digest}: the store does not have it, and no content was given`,
    );
  }
  await store.write(plain(descriptor), body, options);
}

/** The three fields that name content: what else a descriptor has is of where it stands. */
function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function checkTitles(blobs: readonly PackedBlob[]): void {
  const titles = blobs.flatMap(({ descriptor }) => descriptor.annotations?.[TITLE] ?? []);
  const twice = titles.find((title, at) => titles.indexOf(title) !== at);
  if (twice === undefined) return;
  throw new InvalidOptionError(
    `Cannot pack two files as ${JSON.stringify(twice)}: each title may be there once`,
  );
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/**
 * When something was made, as text and in seconds since 1970.
 *
 * @throws {InvalidOptionError} When it is no time.
 */
export function createdTime(
  { created, annotations }: PackOptions,
): { text: string; seconds: number } {
  const given = created ?? annotations?.[CREATED] ?? new Date();
  const time = new Date(given).getTime();
  if (Number.isNaN(time) || typeof given === "string" && !RFC_3339.test(given)) {
    throw new InvalidOptionError(
      "Cannot pack as 'created' must be a valid Date or a time in RFC 3339: current value is " +
        JSON.stringify(String(given)),
    );
  }
  const text = typeof given === "string" ? given : given.toISOString().replace(/\.\d+Z$/, "Z");
  return { text, seconds: Math.floor(time / 1000) };
}
