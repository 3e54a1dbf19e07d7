import { InvalidReferenceError } from "../../errors.ts";
import { quoteInput } from "../../reference/quote_input.ts";
import { indexOrigin, toIndex } from "../../reference/registry_repo.ts";
import { isRepositoryName } from "../../reference/repository_name.ts";

export interface ImageName {
  /** The registry as it was written: `ghcr.io`, `localhost:5000`, `docker.io`. */
  registry: string;
  path: string;
}

const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const REGISTRY = new RegExp(`^${LABEL}(?:\\.${LABEL})*(?::[0-9]+)?$`);

/**
 * Parses `registry/path`. The first part is a registry whatever it looks like, never a namespace of
 * Docker Hub, and nothing is put in front of the path.
 *
 * @throws {InvalidReferenceError} `Invalid image name: …`
 */
export function parseImageName(imageName: string): ImageName {
  const [registry = "", ...rest] = String(imageName).split("/");
  const path = rest.join("/");
  if (REGISTRY.test(registry) && isRepositoryName(path)) return { registry, path };
  throw invalid(imageName);
}

/**
 * Where the API of an image's registry is: http on this machine, else https.
 *
 * @throws {InvalidReferenceError} When the registry is no host: `1.2.3.4.5`, or the port no port.
 */
export function registryOriginOf({ registry, path }: ImageName): string {
  try {
    return indexOrigin(toIndex({ registry }));
  } catch (cause) {
    throw invalid(`${registry}/${path}`, cause);
  }
}

function invalid(imageName: string, cause?: unknown): InvalidReferenceError {
  // As the original words it: without quotes.
  const shown = quoteInput(imageName).replace(/^"|"$/g, "");
  return new InvalidReferenceError(`Invalid image name: ${shown}`, { cause });
}
