import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { type Digest, parseDigest } from "../content/digest.ts";

/**
 * The digest in a caller's descriptor.
 *
 * @throws {InvalidContentError} When the descriptor is not one.
 */
export function digestIn(descriptor: Descriptor): Digest {
  return parseDigest(checkDescriptor(descriptor, "the argument").digest);
}
