import { parseReference } from "../mod.ts";

/** Pasted out of a browser's address bar: `https://hub.docker.com/_/alpine`. */
const PAGE = /^(?:https?:\/\/)?hub\.docker\.com\/(?:_\/([^/]+)|r\/([^/]+\/[^/]+)|.*).*$/i;

/** Whether a text is an address of Docker Hub's pages, where no registry is. */
export function isPage(text: string): boolean {
  return PAGE.test(text);
}

/** What may have been meant by a text that is no reference, without what is pasted along with one. */
export function nearReference(text: string): string | undefined {
  const near = text.replace(/^[\s\u200b'"`“”<]+|[\s\u200b'"`“”>/:@]+$/g, "")
    .replace(PAGE, "docker.io/$1$2")
    .replace(/^docker:(?!\/\/)/, "docker://")
    .replace(/:(?=sha(?:256|512):)/, "@")
    .replace(/@(?=[0-9a-f]{64}$)/, "@sha256:")
    // A tag may have capitals, and so may a host.
    .replace(
      /^((?:\w+:\/\/)?[^/@]*[.:A-Z][^/@]*\/)?[^:@]*/,
      (name, host: string = "") => host + name.slice(host.length).toLowerCase(),
    );
  if (text.includes("/") && !near.includes("/")) return undefined; // a registry alone
  try {
    parseReference(near);
    return near;
  } catch {
    return undefined;
  }
}
