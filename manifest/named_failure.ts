import { InvalidManifestError, ManifestVerificationError } from "../errors.ts";

/** A failure to read a manifest, which says which one, and what answered in a registry's place. */
export function namedFailure(cause: unknown, name: string, by = ""): unknown {
  const ManifestError = [InvalidManifestError, ManifestVerificationError]
    .find((type) => cause instanceof type);
  if (ManifestError === undefined) return cause;
  const { message } = cause as Error;
  const said = message.replace(/^Cannot (read|use) the manifest/, `$& ${name}`);
  const whole = said === message ? `${message}, in the manifest ${name}` : said;
  return new ManifestError(`${whole}${by}`, { cause });
}
