import { InvalidReferenceError, parseReference, type Reference } from "../mod.ts";

/**
 * Parses a reference as people type and paste it.
 *
 * @throws {InvalidReferenceError} When it is none; the message says what may have been meant.
 */
export function typedReference(text: string): Reference {
  if (PAGES.test(text)) throw refused("hub.docker.com has Docker Hub's pages");
  if (DIGEST.test(text)) throw refused("it is a digest, and no repository stands before it");
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    throw new InvalidReferenceError(error.message + hint(text), { cause: error });
  }

  function refused(why: string): InvalidReferenceError {
    return new InvalidReferenceError(
      `Cannot parse ${JSON.stringify(text)}: ${why}${hint(text)}`,
    );
  }
}

/** Pasted out of a browser's address bar. */
const PAGES = /^(?:https?:\/\/)?hub\.docker\.com\//i;

const DIGEST = /^sha(?:256|512):[0-9a-f]{64,128}$/;

/** Longer ones are not looked at: the expressions here are not for such. */
const MAX_LENGTH = 1024;

function hint(text: string): string {
  if (/^oci:\/\//i.test(text)) return "; a folder is oci:DIR";
  const near = nearReference(text);
  if (near === text || text.includes("/") && !near.includes("/")) return ""; // a registry alone
  try {
    parseReference(near);
    return `; did you mean ${JSON.stringify(near)}?`;
  } catch {
    return "";
  }
}

/** A text without what is pasted along: white space, quotes, a last "/", capitals, a page's address. */
function nearReference(text: string): string {
  if (text.length > MAX_LENGTH) return text;
  return text.replace(/^[\s\u200b'"`“”<]+|[\s\u200b'"`“”>/:@]+$/g, "")
    .replace(
      /^(?:https?:\/\/)?hub\.docker\.com\/(?:_\/([^/?#]+)|r\/([^/?#]+\/[^/?#]+)).*$/i,
      "docker.io/$1$2",
    )
    .replace(/^docker:(?!\/\/)/, "docker://")
    .replace(/:(?=sha(?:256|512):)/, "@")
    .replace(/@(?=[0-9a-f]{64}$)/, "@sha256:")
    // A tag may have capitals, and so may a host.
    .replace(
      /^((?:\w+:\/\/)?[^/@]*[.:A-Z][^/@]*\/)?[^:@]*/,
      (name, host: string = "") => host + name.slice(host.length).toLowerCase(),
    );
}
