import { TITLE } from "../content/content_type.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { ContentNotFoundError, InvalidReferenceError } from "../errors.ts";
import { quoted } from "./quoted.ts";
import type { DockerManifest, ImageManifest } from "./types.ts";

const MAX_LISTED = 20;

/**
 * The layer that a name means: its title, its digest, or its place, from 0; without a name, the only
 * one. Of layers with the same title, the first.
 *
 * @throws {ContentNotFoundError} When there is no such layer; the message lists those that there are.
 * @throws {InvalidReferenceError} When there is no name, and several layers.
 */
export function findLayer({ layers }: ImageManifest | DockerManifest, name?: string): Descriptor {
  const titleOf = ({ annotations, digest }: Descriptor) => annotations?.[TITLE] ?? digest;
  if (name === undefined) {
    if (layers.length > 1) {
      throw new InvalidReferenceError(
        `Cannot choose a layer as none is named: there are ${listed(layers.map(titleOf))}`,
      );
    }
  } else {
    const titled = layers.find(({ annotations }) => annotations?.[TITLE] === name) ??
      layers.find(({ digest }) => digest === name);
    if (titled !== undefined) return titled;
  }
  const place = name === undefined ? 0 : /^\d{1,9}$/.test(name) ? Number(name) : -1;
  const layer = layers[place];
  if (layer !== undefined) return layer;
  throw new ContentNotFoundError(
    `Cannot find the layer ${quoted(name ?? "0")}: there are ${listed(layers.map(titleOf))}`,
  );
}

function listed(names: string[]): string {
  if (names.length === 0) return "none";
  const more = names.length - MAX_LISTED;
  return names.slice(0, MAX_LISTED).map(quoted).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
