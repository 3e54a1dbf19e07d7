import type { Descriptor } from "../content/descriptor.ts";
import { ApiError } from "../errors.ts";
import { formatReference, parseReference } from "../reference/reference.ts";
import { isTag } from "../reference/tag.ts";

/** The annotation that holds a tag. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
export const REF_NAME = "org.opencontainers.image.ref.name";

/** The annotation that containerd, regctl and docker put a full name in. */
export const IMAGE_NAME = "io.containerd.image.name";

/** The name that an entry was given. */
export function nameOf(entry: Descriptor): string | undefined {
  return textAt(entry, REF_NAME);
}

/** Every name of an entry, once each. */
export function namesOf(entry: Descriptor): string[] {
  const names = new Set([nameOf(entry), textAt(entry, IMAGE_NAME)]);
  return [...names].filter((name) => name !== undefined);
}

/**
 * The tag of an entry: its name, or what stands behind the last colon of a full name's last part. A
 * name that is neither is taken as it is.
 */
export function tagOf(entry: Descriptor): string | undefined {
  const name = nameOf(entry) ?? textAt(entry, IMAGE_NAME);
  if (name === undefined || isTag(name)) return name;
  const [last = ""] = name.split("@")[0]!.split("/").slice(-1);
  const tag = last.slice(last.indexOf(":") + 1);
  return last.includes(":") && isTag(tag) ? tag : name;
}

/**
 * Finds the entries with a full name, however it is spelled: `app:1` is `docker.io/library/app:1`. Of
 * these come only those with the very same spelling, where there are any.
 */
export function withFullName(entries: readonly Descriptor[], reference: string): Descriptor[] {
  const wanted = fullName(reference);
  if (wanted === undefined) return [];
  const found = entries.filter((entry) =>
    (wanted.digest ?? entry.digest) === entry.digest &&
    namesOf(entry).some((each) => !isTag(each) && fullName(each)?.name === wanted.name)
  );
  const exact = found.filter((entry) => namesOf(entry).includes(reference));
  return exact.length > 0 ? exact : found;
}

/** An entry as it may stand anywhere: what it is called here is no part of it. */
export function withoutNames({ annotations, ...rest }: Descriptor): Descriptor {
  const { [REF_NAME]: _tag, [IMAGE_NAME]: _name, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}

function textAt({ annotations }: Descriptor, name: string): string | undefined {
  const text: unknown = annotations?.[name];
  return typeof text === "string" ? text : undefined;
}

function fullName(text: string): { name: string; digest: string | undefined } | undefined {
  try {
    const { digest, ...reference } = parseReference(text, { defaultTag: "latest" });
    return { name: formatReference(reference), digest };
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
