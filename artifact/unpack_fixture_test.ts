/** Layers of every kind, and what unpacking them leaves. */
import { type Bytes, concatBytes } from "../content/bytes.ts";
import { gzip } from "../content/gzip.ts";
import type { Part } from "../content/tar_sample_test.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { withFolder } from "./fixture_test.ts";
import { pack, type PackOptions } from "./pack.ts";
import { unpackFiles, type UnpackFilesOptions } from "./unpack_files.ts";

export const artifactType = "application/vnd.example.thing.v1";
export const TITLE = "org.opencontainers.image.title";
export const UNPACK = "io.deis.oras.content.unpack";
export const TAR_DIGEST = "io.deis.oras.content.digest";

/** Everything in a folder: "one.txt 644 text", "link → target", "sub/". */
export async function listing(folder: string, prefix = ""): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isSymlink) lines.push(`${prefix}${name} → ${await Deno.readLink(path)}`);
    else if (isDirectory) {
      lines.push(`${prefix}${name}/`, ...await listing(path, `${prefix}${name}/`));
    } else {
      const { mode } = await Deno.lstat(path);
      lines.push(
        `${prefix}${name} ${(mode! & 0o7777).toString(8)} ${await Deno.readTextFile(path)}`,
      );
    }
  }
  return lines.sort();
}

export async function gzipped(bytes: Bytes): Promise<Bytes> {
  return concatBytes(await Array.fromAsync(gzip(ReadableStream.from([bytes]))));
}

/** A folder's layer, as oras makes it, of a tar of any kind. */
export function folder(title: string, body: Bytes, more: Record<string, string> = {}) {
  const annotations = { [TITLE]: title, [UNPACK]: "true", ...more };
  return { body, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", annotations };
}

export type Layers = NonNullable<PackOptions["layers"]>;

/** Unpacks layers into a folder inside of another, where `before` has been at work. */
export async function unpacked(
  layers: Layers,
  { options, before }: {
    options?: UnpackFilesOptions;
    before?: (folder: string, around: string) => Promise<void>;
  } = {},
): Promise<{ lines: string[]; around: string[]; error?: Error }> {
  return await withFolder(async (outside) => {
    const target = `${outside}/target`;
    await Deno.mkdir(target);
    await before?.(target, outside);
    const store = new MemoryStore();
    const descriptor = await pack(store, { artifactType, layers });
    let error: Error | undefined;
    try {
      await unpackFiles(store, descriptor, target, options);
    } catch (caught) {
      error = caught as Error;
    }
    const lines = await listing(target);
    const around = (await listing(outside)).filter((line) => !line.startsWith("target/"));
    return { lines, around, ...(error && { error }) };
  });
}

export const file = (name: string, content = "x"): Part => ({ name, content });
export const dir = (name: string): Part => ({ name, flag: "5" });
export const symlink = (name: string, target: string): Part => ({ name, flag: "2", target });
export const hard = (name: string, target: string): Part => ({ name, flag: "1", target });
