import { InvalidReferenceError, parseReference } from "../mod.ts";

/**
 * The host of a registry as people type and paste it, what stands behind it left out:
 * `https://index.docker.io/v1/` is in Docker's own files.
 *
 * @throws {InvalidReferenceError} When it is none. `ghcr` would be a name on Docker Hub, which would be
 * given what is meant for another registry.
 */
export function typedRegistry(text: string): string {
  const [host = ""] = text.replace(/^https?:\/\//i, "").split("/");
  if (/[.:]|^localhost$/i.test(host)) {
    return parseReference(`${text.replace(/\/(?:v[12]\/?)?$/, "")}/name`).registry;
  }
  throw new InvalidReferenceError(
    `Cannot use ${JSON.stringify(text)} as a registry: it is no host, which has a dot or a port`,
  );
}
